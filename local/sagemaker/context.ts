import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Logger } from 'pino';
import type { EngineName } from '../../engine/engine.js';
import type { Progress } from '../tools/install.js';

/** Where the local SageMaker listens, what it stands for, and where it keeps things. */
export interface SageMakerConfig {
  /** IP address to listen on. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly region: string;
  readonly accountId: string;
  /** Resources (JSON), job folders and fleets' model folders live under here and survive a restart. */
  readonly stateDir: string;
  /**
   * Repository name of an image (`linear-learner`) or a whole URI -> folder that holds `train` and `serve`; with an engine
   * a folder with a Dockerfile, or an image of the engine.
   */
  readonly images: Readonly<Record<string, string>>;
  /** Id of a file system (`fs-…`) -> folder that stands for it; others are `efs/<id>` of the state folder. */
  readonly fileSystems?: Readonly<Record<string, string>>;
  /** Programs run in containers; as processes of this machine without. */
  readonly engine?: EngineConfig;
}

interface EngineConfig {
  readonly name: EngineName | 'auto';
  /** Network of the engine that the server itself is in, as a container. */
  readonly network?: string | undefined;
  /** Volume of the engine that is mounted at the state folder, for a server in a container. */
  readonly volume?: string | undefined;
  readonly gpus?: boolean;
  /** Given to each build of a mapped folder. */
  readonly buildArgs?: Readonly<Record<string, string>>;
}

/** The resource kinds that the store keeps, one JSON document a resource. */
export type Kind = 'training-job' | 'model' | 'endpoint-config' | 'endpoint' | 'transform-job' | 'tags' | 'control';

/** Durable key-value store: a write has reached the disk (written aside, renamed) before it returns. */
export interface Store {
  get<T>(kind: Kind, name: string): T | undefined;
  list<T>(kind: Kind): T[];
  put<T extends object>(kind: Kind, name: string, record: T): void;
  delete(kind: Kind, name: string): void;
}

/** A folder of the host that a program finds below its /opt/ml. */
export interface Mount {
  readonly folder: string;
  /** Below /opt/ml; a folder is there, and empty. */
  readonly path: string;
  readonly readOnly: boolean;
}

/** A program of an image, started as the platform would start its container. */
export interface ContainerSpec {
  /** What was prepared of an image: the folder with its programs, or its name in the container engine. */
  readonly image: string;
  readonly command: 'train' | 'serve';
  /** Host folder that the program sees as /opt/ml (or gets as SAGEMAKER_BASE_DIR where no namespace can be had). */
  readonly optMl: string;
  /** Folder that the program sees as /opt/ml/model, read-only; the `model` folder of `optMl` without. */
  readonly modelDir?: string;
  /** SageMaker's name of the machine, `ml.m5.xlarge`: a container gets its cores and memory. */
  readonly instanceType?: string;
  /** A host of a job of several, by its name in their network. Containers only. */
  readonly host?: { readonly name: string; readonly network: string };
  /** File systems of the program. */
  readonly mounts?: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  /** No credentials for the emulated services, as EnableNetworkIsolation means on AWS. */
  readonly withoutCredentials?: boolean;
  /** Port the program is told to serve on (SAGEMAKER_BIND_TO_PORT); a served process only. */
  readonly port?: number;
  /** A network of its own, where the program listens on 8080; `port` of the host leads there. Nothing else is reachable. */
  readonly ownNetwork?: boolean;
  /** File that receives stdout and stderr, interleaved. */
  readonly logFile: string;
  /** Called with each complete line of output. */
  readonly onLine?: (line: string) => void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningContainer {
  readonly pid: number;
  /** The program has ended; what belonged to it may still be on its way out. */
  readonly ended: Promise<unknown>;
  /** Base URL to reach a serving program. */
  readonly url?: string;
  /** As `ended`, once all that belonged to it is gone. */
  readonly exited: Promise<Exit>;
  /** SIGTERM to the whole process group, SIGKILL after `graceMs`. Resolves once all of it is gone. */
  stop(graceMs: number): Promise<Exit>;
}

/** A network in which the hosts of a job find each other by name. */
export interface HostNetwork {
  readonly name: string;
  close(): Promise<void>;
}

interface Sandbox {
  /** Every program has a network of its own and listens on the contract's port; where it is reached is told by `url`. */
  readonly ownNetworks?: boolean;
  /** Where programs can be given a network together; they share the machine's without. */
  openNetwork?(options: { readonly isolated: boolean }): Promise<HostNetwork>;
  start(spec: ContainerSpec): Promise<RunningContainer>;
}

/** A sandbox that answers for all of its programs at the end. */
export interface ClosableSandbox extends Sandbox {
  /** Kills every program that still runs. */
  close(): Promise<void>;
}

/** The images that a job or model may name. */
export interface ProgramImages {
  /** What an image URI stands for here, or undefined if nothing is known by it. */
  find(uri: string): string | undefined;
  /**
   * Makes what `find` answered ready to run; the answer goes into a ContainerSpec. However many ask at once, it is made
   * once. Throws Error with a sentence if it can't be; the next call tries again.
   */
  prepare(image: string, say?: Progress, signal?: AbortSignal): Promise<string>;
  /** Ends what is being prepared. */
  close(): Promise<void>;
}

/** The resources that control rules can name. */
export type ControlledKind = 'training-job' | 'transform-job' | 'endpoint' | 'model' | 'endpoint-config';

/** What a rule does to a resource; `complete` only says that no program runs for it. docs/local-mode.md has the table. */
export type ControlAction =
  'complete' | 'fail' | 'slow' | 'capacity' | 'quota' | 'stop' | 'silent-rollback' | 'rollback-failed' | 'status';

/** What a test told the control surface to do with the resources whose names match. */
export interface ControlRule {
  readonly id: string;
  /** Regular expression on the resource's name. */
  readonly match: string;
  readonly kind: ControlledKind;
  readonly action: ControlAction;
  /** Where it happens: a training job's secondary status, or an endpoint's `Creating` or `Updating`. */
  readonly stage?: string;
  /** The status shown by `status`. */
  readonly status?: string;
  /** FailureReason, or the text of the refusal. */
  readonly reason?: string;
  /** Milliseconds in the stage until it happens; of `status`, how long that shows (for good without). */
  readonly delayMs?: number;
  /** How many times it applies; unlimited without. */
  readonly times?: number;
}

/** What control rules have in store for one resource. Kept with it, so that a restart does not change it. */
export interface Plan {
  readonly fault?: ControlRule;
  /** No program runs for it, and neither keys nor inputs are looked at. */
  readonly canned: boolean;
}

export interface Control {
  /** What `take` would answer, with nothing counted. */
  peek(kind: ControlledKind, name: string, stage?: string): Plan;
  /**
   * The first rule that matches this resource (`stage` is an endpoint's `Creating` or `Updating`) and whether a
   * `complete` rule matches as well, both counted down if they are limited.
   */
  take(kind: ControlledKind, name: string, stage?: string): Plan;
  /** Aborted once the delays of the rule with this id are over by request. */
  delaysOf(id: string): AbortSignal;
}

/** Everything an operation may use. Passed, never imported, so that tests can run several servers at once. */
export interface Context {
  readonly config: SageMakerConfig;
  readonly store: Store;
  readonly s3: S3Client;
  readonly kms: KMSClient;
  readonly events: EventBridgeClient;
  /** States (`OK`, `ALARM`, `INSUFFICIENT_DATA`) of those CloudWatch alarms of these names that exist. */
  readonly alarmStates: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  readonly sandbox: Sandbox;
  readonly images: ProgramImages;
  readonly control: Control;
  readonly log: Logger;
  /** Sends one `aws.sagemaker` event to the default bus; a failure to send is logged, never thrown. */
  emit(detailType: string, detail: Record<string, unknown>, resources: string[]): void;
}

/** One API operation: the parsed JSON body in, the JSON answer out. */
export type Operation = (input: Record<string, unknown>, ctx: Context) => Promise<object>;

/** A group of operations with its own life: resumes what a restart interrupted, stops its processes at shutdown. */
export interface Service {
  readonly operations: Readonly<Record<string, Operation>>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** An error the client sees with its code and text. `ValidationException` unless said otherwise. */
export class ApiError extends Error {
  constructor(
    readonly code: 'ValidationException' | 'ResourceInUse' | 'ResourceLimitExceeded' | 'ResourceNotFound' | string,
    message: string,
    readonly httpStatus = 400,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = 'ApiError';
  }
}
