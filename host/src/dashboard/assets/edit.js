// Editing the arguments of a call.
export function start() {}
