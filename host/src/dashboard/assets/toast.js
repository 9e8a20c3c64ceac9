// Notices of what happened elsewhere.
export function start() {}
