// The panel that runs a role in place.
export function start() {}
