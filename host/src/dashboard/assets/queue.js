// The queue by keyboard.
export function start() {}
