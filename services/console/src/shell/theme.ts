/** Dark or light: as the system has it, or as this browser was told. */

import { signal } from '@preact/signals';

const KEY = 'streampool-theme';
export const THEMES = ['system', 'light', 'dark'] as const;

export type Theme = (typeof THEMES)[number];

export const theme = signal<Theme>(kept());

export function choose(next: Theme): void {
  theme.value = next;
  localStorage.setItem(KEY, next);
  applyTheme();
}

/** The style has the rest: `data-theme` counts more than the system. */
export function applyTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

function kept(): Theme {
  const value = localStorage.getItem(KEY);
  return THEMES.find((each) => each === value) ?? 'system';
}
