/** Hardware devices that a profile may name: render nodes and numbers, but no other file. */

const KINDS = new Set('vaapi qsv cuda vulkan videotoolbox drm opencl d3d11va'.split(' '));
const NODE = /^\/dev\/dri\/(?:renderD|card)\d{1,3}$/;

/** A render node, a number, or the name that `-init_hw_device` gave. */
export function readDevice(text: string): string | undefined {
  return NODE.test(text) || /^\w{1,64}$/.test(text) ? text : undefined;
}

/** The value of `-init_hw_device`: `vaapi=va:/dev/dri/renderD128`, `qsv=hw,child_device_type=vaapi`, `cuda:0`, `vaapi@drm`. */
export function readHardwareDevice(text: string): string | undefined {
  if (text.length > 200) return undefined;
  const [first = '', ...options] = text.split(',');
  const match = /^(\w+)(?:=(\w{1,64}))?(?::([^@]*))?(?:@(\w{1,64}))?$/.exec(first);
  if (match === null || !KINDS.has(match[1] ?? '')) return undefined;
  const device = match[3] ?? '';
  if (device !== '' && readDevice(device) === undefined && !/^\d{1,3}\.\d{1,3}$/.test(device)) return undefined;
  const known = options.every((option) => {
    const [key = '', value = '', ...more] = option.split('=');
    if (more.length > 0) return false;
    return key === 'child_device'
      ? readDevice(value) !== undefined
      : /^(?:driver|kernel_driver|child_device_type)$/.test(key) && /^\w{1,64}$/.test(value);
  });
  return known ? text : undefined;
}
