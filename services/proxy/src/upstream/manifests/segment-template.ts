/**
 * The templates of a DASH manifest (ISO/IEC 23009-1, 5.3.9.4.4). A player fills them in after the manifest has been rewritten. So the
 * template itself is sealed, the player puts its values beside it, and the worker fills them in. Pure.
 */

/** What a player fills in. */
const VARIABLES = ['Number', 'Time', 'SubNumber'] as const;
type Variable = (typeof VARIABLES)[number];

/** By variable: digits. */
export type TemplateValues = Readonly<Partial<Record<Variable, string>>>;

/** `$$` stands for a dollar sign. The format is that of printf: a width, with zeros in front. */
const PLACE = /\$(?:(RepresentationID|Number|Bandwidth|Time|SubNumber)(?:%0(\d{1,2})d)?)?\$/g;
/** Of 64 bits. */
const DIGITS = /^\d{1,20}$/;

export interface Represented {
  readonly id: string;
  /** Digits. */
  readonly bandwidth: string;
}

/** A template of one representation: what depends on that is filled in. */
export function ofRepresentation(template: string, { id, bandwidth }: Represented): string {
  return template.replace(PLACE, (whole, name: string | undefined, width: string | undefined) => {
    if (name === 'RepresentationID') return id;
    return name === 'Bandwidth' ? padded(bandwidth, width) : whole;
  });
}

/** What stands behind the address of a template, for the player to fill in: `&Number=$Number$`. '' for one without variables. */
export function variablesOf(template: string): string {
  const named = new Set([...template.matchAll(PLACE)].map(([, name]) => name));
  return VARIABLES.filter((name) => named.has(name))
    .map((name) => `&${name}=$${name}$`)
    .join('');
}

/** The address that a player means; undefined when it lacks a value, or one is no number. */
export function filled(template: string, values: TemplateValues): string | undefined {
  let isWhole = true;
  const address = template.replace(PLACE, (_whole, name: string | undefined, width: string | undefined) => {
    if (name === undefined) return '$';
    const value = values[name as Variable];
    if (value !== undefined && DIGITS.test(value)) return padded(value, width);
    isWhole = false;
    return '';
  });
  return isWhole ? address : undefined;
}

/** A dollar sign in an address that is no template. */
export function asTemplate(address: string): string {
  return address.replaceAll('$', '$$$$');
}

function padded(digits: string, width: string | undefined): string {
  return digits.padStart(Math.min(Number(width ?? 0), 32), '0');
}
