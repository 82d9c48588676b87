// The entry of local mode: what `perennial up` and `down`, the demo and the benchmarks use.
export { type DetachedOptions, type DetachedStack, startDetached, type Stopped, stopLocal } from './control.js';
export { AlreadyRunning, type StartOptions } from './options.js';
export type { PortName, Ports } from './ports.js';
export type { ServiceName } from './services/service.js';
export type { LocalStack, StackProcess, StackUrls } from './stack.js';
export { readEnvFile } from './state.js';
export { startLocal } from './supervisor.js';
