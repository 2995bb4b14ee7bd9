// Written by "npm run api": the public declarations of one entry point.
// A difference here is a change of what users build on; review it as one.

export interface CrashOptions<Output> extends Omit<TestRuntimeOptions, 'flows' | 'onCall' | 'onBody'> {
    readonly drive?: (runtime: TestRuntime, run: RunReference<Output>) => Promise<void>;
    readonly run?: StartOptions;
    readonly every?: number;
    readonly prepare?: () => void;
    readonly flows?: readonly AnyFlow[];
}

export interface CrashPoint {
    readonly commit: number;
    readonly at: 'before' | 'after';
}

export interface CrashReport {
    readonly boundaries: number;
    readonly live: Outcome;
    readonly outcomes: readonly Outcome[];
    readonly strays: readonly {
        readonly point: CrashPoint;
        readonly outcome: Outcome;
    }[];
    readonly executions: Readonly<Record<string, number>>;
    readonly repeats: Readonly<Record<string, number>>;
    readonly flaws: readonly string[];
}

export type Interceptor = (call: StoreCall, proceed: () => Promise<unknown>) => Promise<unknown>;

export type Malformation = (typeof malformations)[number];

export interface NextWorker extends Surroundings {
    readonly flows?: readonly AnyFlow[];
    readonly actions?: readonly AnyAction[];
    readonly concurrency?: number;
    readonly name?: string;
}

export type OnBody = (path: string, run: string) => void;

export type Outcome = {
    readonly status: 'completed';
    readonly output: unknown;
} | {
    readonly status: 'failed';
    readonly error: unknown;
} | {
    readonly status: 'cancelled';
    readonly reason: string;
} | {
    readonly status: 'paused';
    readonly code: string;
} | {
    readonly status: 'waiting';
    readonly on: readonly string[];
};

export interface PendingTimer {
    readonly at: number;
    readonly order: number;
}

export type ReceivedRequest = ScriptedRequest & {
    readonly path: string;
};

export interface Replay {
    readonly flaws: readonly string[];
}

export type RunLike = string | {
    readonly id: string;
};

export type Script = readonly ScriptedAnswer[] | ((request: ScriptedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>);

export interface ScriptOptions {
    readonly by?: 'order' | 'turn';
}

export type ScriptedAnswer = ({
    readonly text: string;
    readonly reasoning?: string;
} & Manner) | ({
    readonly toolCalls: readonly ScriptedCall[];
    readonly text?: string;
    readonly reasoning?: string;
} & Manner) | ({
    readonly object: unknown;
} & Manner) | {
    readonly error: string;
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
} | {
    readonly hang: true;
};

export interface ScriptedCall {
    readonly name: string;
    readonly input?: unknown;
    readonly rawInput?: string;
    readonly id?: string | null;
}

export interface ScriptedModel extends LanguageModelV4 {
    readonly requests: readonly ScriptedRequest[];
}

export interface ScriptedModelOptions extends ScriptOptions {
    readonly name?: string;
    readonly pace?: Duration;
}

export interface ScriptedRequest {
    readonly index: number;
    readonly turn: number;
    readonly stream: boolean;
    readonly text: string;
    readonly tools: readonly string[];
    readonly body: unknown;
}

export interface ScriptedServer extends AsyncDisposable {
    readonly url: string;
    readonly requests: readonly ReceivedRequest[];
    close(): Promise<void>;
}

export interface ScriptedServerOptions extends ScriptOptions {
    readonly script: Script;
    readonly port?: number;
    readonly onRequest?: (request: ReceivedRequest) => void;
}

export interface ScriptedUsage {
    readonly input: number;
    readonly output: number;
    readonly cachedInput?: number;
    readonly cacheWrite?: number;
    readonly reasoning?: number;
}

export interface StoreBed {
    readonly open: () => Promise<Store>;
    readonly clock: StoreClock;
}

export interface StoreCall {
    readonly method: keyof Store;
    readonly args: readonly unknown[];
}

export interface StoreCase {
    readonly name: string;
    run(bed: StoreBed): Promise<void>;
}

export interface StoreClock {
    now(): number;
    advance(ms: number): void;
}

export class TestRuntime implements AsyncDisposable {
    #private;
    readonly time: VirtualTime;
    readonly store: Store;
    readonly ever: Ever;
    readonly troubles: Trouble[];
    constructor(options: TestRuntimeOptions, { time, store, gate, }: {
        readonly time: VirtualTime;
        readonly store: Store;
        readonly gate: Gate;
    });
    get workers(): readonly TestWorker[];
    addWorker(next?: NextWorker): TestWorker;
    start<Input, Output, Given>(flow: Flow<Input, Output, Given> | string, input: NoInfer<Given>, options?: StartOptions): Promise<RunReference<Output>>;
    settle(): Promise<void>;
    advance(duration: Duration): Promise<void>;
    runUntil<T>(goal: Promise<T>, options?: {
        readonly within?: Duration;
    }): Promise<T>;
    runUntil(goal: () => boolean | Promise<boolean>, options?: {
        readonly within?: Duration;
    }): Promise<void>;
    settled<Output>(run: RunReference<Output>): Promise<Settled<Output>>;
    result<Output>(run: RunReference<Output>): Promise<Output>;
    signal(run: RunLike, name: string, value?: unknown): Promise<void>;
    answer(prompt: string, value: unknown, from?: {
        readonly run?: RunLike;
    }): Promise<void>;
    question(prompt: string, from?: {
        readonly run?: RunLike;
    }): Promise<Question>;
    crash(next?: NextWorker): TestWorker;
    restart(next?: NextWorker): Promise<TestWorker>;
    stop(): Promise<void>;
    ledger(run: RunLike): Promise<readonly RunEvent[]>;
    verify(): Promise<void>;
    close(): Promise<void>;
    get flows(): readonly AnyFlow[];
    [Symbol.asyncDispose](): Promise<void>;
}

export interface TestRuntimeOptions extends VirtualTimeOptions, Surroundings {
    readonly flows?: readonly AnyFlow[];
    readonly store?: (ports: Ports) => Store | Promise<Store>;
    readonly actions?: readonly AnyAction[];
    readonly workers?: number;
    readonly concurrency?: number;
    readonly lease?: Duration;
    readonly development?: boolean;
    readonly onCall?: Interceptor;
    readonly onBody?: OnBody;
}

export class TestWorker {
    #private;
    readonly name: string;
    readonly flows: readonly AnyFlow[];
    constructor(options: TestWorkerOptions);
    get isWorking(): boolean;
    serves(run: {
        readonly flow: string;
        readonly version: string;
    }): boolean;
    has(timer: {
        readonly order: number;
    }): boolean;
    freeze(): void;
    thaw(): void;
    crash(): void;
    stop(): Promise<void>;
}

export type TimerPolicy = (timers: readonly PendingTimer[]) => number;

export interface Trouble {
    readonly error: unknown;
    readonly run: string | undefined;
}

export interface VirtualTime extends Ports {
    setTimer(ms: number, callback: () => void): Timer & PendingTimer;
    readonly timers: readonly PendingTimer[];
    settle(): Promise<void>;
    step(until?: number): Promise<boolean>;
    advance(duration: Duration): Promise<void>;
    leap(to: Date | number): void;
    runUntil<T>(goal: Promise<T>, options?: {
        readonly within?: Duration;
    }): Promise<T>;
    runUntil(goal: () => boolean | Promise<boolean>, options?: {
        readonly within?: Duration;
    }): Promise<void>;
    during<T>(work: Promise<T>): Promise<T>;
    watch<T>(code: () => T): T;
}

export interface VirtualTimeOptions {
    readonly start?: Date | number;
    readonly seed?: number;
    readonly policy?: TimerPolicy;
}

export function crashAtEveryCommit<Input, Output, Given>(flow: Flow<Input, Output, Given>, input: NoInfer<Given>, options?: CrashOptions<Output>): Promise<CrashReport>;

export const malformations: readonly ['bad-json', 'trailing-comma', 'deep-json', 'wrong-tool-name', 'no-tool-name', 'duplicate-ids', 'no-ids', 'code-fence', 'null-content', 'nul-and-surrogates', 'missing-usage', 'negative-usage', 'string-usage', 'unknown-finish-reason', 'missing-finish-reason', 'cut-before-first-chunk', 'cut-mid-json', 'cut-mid-utf8', 'cut-before-finish', 'events-out-of-order', 'utf8-split', 'input-split', 'huge-line', 'empty-body', 'html', 'error-in-200', 'redirect', 'slow-drip', 'connection-reset', 'wrong-content-type', 'bom', 'unknown-event', 'double-finish'];

export function memoryStore({ clock }: {
    readonly clock: Clock;
}): Store;

export function replay(run: string, options: {
    readonly store: Store;
    readonly time: VirtualTime;
    readonly flows: readonly AnyFlow[];
    readonly onBody?: OnBody;
}): Promise<Replay>;

export function scriptedModel(script: Script, options?: ScriptedModelOptions): ScriptedModel;

export function scriptedServer(options: ScriptedServerOptions): Promise<ScriptedServer>;

export const storeCases: readonly StoreCase[];

export function testRuntime(options?: TestRuntimeOptions): Promise<TestRuntime>;

export function virtualTime(options?: VirtualTimeOptions): VirtualTime;

// Mentioned above, not exported by this entry point:

interface Budget {
    readonly turns?: number;
    readonly tokens?: number;
    readonly usd?: number;
    readonly time?: Duration;
    readonly calls?: number;
}

interface Surroundings {
    readonly secrets?: SecretSource;
    readonly policies?: readonly Policy[];
}

interface Guard {
    readonly name: string;
    readonly at: readonly Position[];
    readonly timeoutMs: number;
    readonly window: number | undefined;
    readonly judges: boolean;
    readonly check: (subject: never, context: GuardContext) => unknown;
}

interface GuardContext<P extends Position = Position> {
    readonly position: P;
    readonly runId: string;
    readonly agent: string;
    readonly turn: number;
    readonly signal: AbortSignal;
    readonly history: readonly PastCall[];
    readonly tainted: readonly Taint[];
    readonly judge?: ((model: unknown, prompt: string, signal: AbortSignal, settings?: AgentSettings) => Promise<string>) | undefined;
}

interface PastCall {
    readonly tool: string;
    readonly digest: string;
}

interface AnswerSubject {
    readonly text: string;
    readonly calls: readonly {
        readonly id: string;
        readonly tool: string;
        readonly args: unknown;
    }[];
}

interface CallSubject {
    readonly id: string;
    readonly tool: GuardedTool;
    readonly args: unknown;
}

interface GuardedTool {
    readonly name: string;
    readonly effect: ToolEffect;
    readonly taints: boolean;
    readonly writes: 'outside' | false;
    readonly destinations?: ((args: never) => readonly string[]) | undefined;
}

interface InputSubject {
    readonly text: string;
}

interface OutputSubject {
    readonly text: string;
    readonly value: unknown;
}

type Position = keyof Subjects;

interface RequestSubject {
    readonly messages: readonly unknown[];
    readonly model: string;
    readonly tools: readonly string[];
}

interface ResultSubject extends CallSubject {
    readonly value: unknown;
    readonly text: string;
    readonly isError: boolean;
}

interface Subjects {
    readonly input: InputSubject;
    readonly request: RequestSubject;
    readonly answer: AnswerSubject;
    readonly call: CallSubject;
    readonly result: ResultSubject;
    readonly output: OutputSubject;
}

type ModelSettings = Pick<LanguageModelV4CallOptions, 'maxOutputTokens' | 'temperature' | 'stopSequences' | 'topP' | 'topK' | 'presencePenalty' | 'frequencyPenalty' | 'seed' | 'reasoning' | 'providerOptions' | 'headers'>;

interface ApprovalContext {
    readonly runId: string;
    readonly agent: string;
    readonly call: string;
    readonly tool: string;
    readonly startedBy: string | undefined;
}

interface ApprovalPolicy {
    readonly needed: boolean;
    readonly approvals?: number;
    readonly notBy?: 'requester';
    readonly approvers?: readonly string[];
    readonly timeout?: Duration;
    readonly otherwise?: 'deny' | 'approve';
    readonly escalate?: {
        readonly after: Duration;
        readonly to: string;
    };
    readonly prompt?: string;
}

interface ApprovalPolicyRule {
    readonly tools?: string | readonly string[];
    readonly effect?: ToolEffect | readonly ToolEffect[];
    readonly when?: (input: unknown, context: ApprovalContext) => boolean | Promise<boolean>;
    readonly require?: Omit<ApprovalPolicy, 'needed'>;
}

interface Policy extends PolicyDefinition {
    readonly guards: readonly Guard[];
    readonly approval: readonly ApprovalPolicyRule[];
}

interface PolicyDefinition {
    readonly name: string;
    readonly guards?: readonly Guard[];
    readonly approval?: readonly ApprovalPolicyRule[];
    readonly budget?: Budget;
    readonly applies?: {
        readonly agents: readonly string[];
    } | ((agent: string) => boolean);
}

type SecretReference = {
    readonly secret: string;
};

type SecretSource = Readonly<Record<string, string | (() => string | Promise<string>)>> | ((name: string) => string | undefined | Promise<string | undefined>);

function secret(name: string): SecretReference;

type AgentSettings = Omit<ModelSettings, 'headers'> & {
    readonly headers?: Readonly<Record<string, string | SecretReference | undefined>>;
};

type ToolEffect = EffectClass;

type Duration = number | `${number}${Unit}` | `${number} ${Unit}`;

type Unit = keyof typeof unitsMs;

const unitsMs: {
    readonly ms: 1;
    readonly s: 1000;
    readonly m: 60000;
    readonly h: 3600000;
    readonly d: 86400000;
    readonly w: 604800000;
};

type ErrorCode = keyof typeof errorCodes;

interface ErrorData {
    readonly name: string;
    readonly message: string;
    readonly code?: string | undefined;
    readonly data?: unknown;
}

interface ErrorPlace {
    readonly run?: string | undefined;
    readonly step?: string | undefined;
}

class EverloopError extends Error {
    readonly code: ErrorCode;
    readonly run: string | undefined;
    readonly step: string | undefined;
    constructor(code: ErrorCode, message: string, options?: ErrorPlace & {
        readonly cause?: unknown;
    });
    static is(value: unknown): value is EverloopError;
}

const errorCodes: {
    readonly BAD_OPTION: 'an option is unknown, misspelt or of the wrong type';
    readonly BAD_NAME: 'a name or id is empty, too long or has characters that are not allowed';
    readonly BAD_INPUT: 'an input, answer or output does not fit its schema';
    readonly BAD_DURATION: 'a duration or date cannot be read';
    readonly NOT_SERIALISABLE: 'a value cannot be kept as data';
    readonly VALUE_TOO_LARGE: 'a value is larger than one payload may be';
    readonly BAD_EXPORT: 'what is to be imported is no whole and sound export of a run';
    readonly EXPORT_NEWER: 'what is to be imported was written by a newer everloop';
    readonly UNKNOWN_FLOW: 'no flow of this name is registered';
    readonly UNKNOWN_RUN: 'no run has this id';
    readonly AMBIGUOUS_ID: 'an id prefix fits more than one';
    readonly RUN_EXISTS: 'a run of this id exists with another flow, input or ledger';
    readonly RUN_ENDED: 'the run has ended and takes nothing more';
    readonly RUN_FAILED: 'the run failed';
    readonly RUN_CANCELLED: 'the run was cancelled';
    readonly RUN_STATE: 'the run is not in a state that allows this';
    readonly DEADLINE: 'the run did not end before its deadline';
    readonly STEP_FAILED: 'a step failed and has no attempts left';
    readonly SCOPE_FAILED: 'a branch, scope or loop ended with an error';
    readonly CHILD_FAILED: 'a child run did not complete';
    readonly TIMEOUT: 'a step took longer than its timeout';
    readonly NOT_DONE: 'the effect of a call surely did not happen';
    readonly IN_DOUBT: 'a person let a call fail of which it is not known whether it happened';
    readonly EXPIRED: 'a wait passed its deadline without a default';
    readonly CANCELLED: 'the run is being cancelled';
    readonly WRONG_SCOPE: 'a handle was used while an inner scope is current';
    readonly NESTED_OPERATION: 'a durable operation was started inside a step body';
    readonly DUPLICATE_KEY: 'an explicit key was used twice in one scope';
    readonly NOT_A_TURN: 'a loop body did not return run.next or run.done';
    readonly NO_TRANSACTIONS: 'the store cannot commit rows of users together with a step';
    readonly PAUSED: 'an operator paused the run';
    readonly STALLED: 'the flow waits on something that is not a durable operation';
    readonly CRASH_LOOP: 'the run lost its worker three times or more without progress';
    readonly DIVERGED: 'the code asked for other operations than the ledger holds';
    readonly CHILD_GONE: 'another run would do again what a child that has ended has done';
    readonly DRIFTED: 'a step that must not repeat was asked for with another input than recorded';
    readonly HIDDEN_STATE: 'a loop keeps state outside its state value';
    readonly MIGRATION_FAILED: 'the state of a loop could not be brought into the form of another version';
    readonly UNKNOWN_ACTION: 'no action of this name is registered, so nothing can be undone with it';
    readonly UNKNOWN_QUESTION: 'no question has this id';
    readonly QUESTION_CLOSED: 'the question was answered, expired or withdrawn before';
    readonly UNKNOWN_SECRET: 'the worker has no secret of this name';
    readonly UNKNOWN_MODEL: 'a text names no model, or the package of its provider is not installed';
    readonly MODEL_FAILED: 'no model answered, after all attempts';
    readonly MODEL_REFUSED: 'a content filter stopped the model';
    readonly SCRIPT_EXHAUSTED: 'a scripted model was asked more often than its script answers';
    readonly APPROVAL_REFUSED: 'a decision about a call was refused';
    readonly GUARD_DENIED: 'a guard does not let the agent go on';
    readonly GUARD_HALTED: 'a guard ended the run';
    readonly BUDGET_STOPPED: 'a budget is used up and a person said stop';
    readonly UNKNOWN_PRICE: 'money is limited and the price of a model is not known';
    readonly OUTPUT_INVALID: 'the final answer of an agent does not fit its schema';
    readonly BROKEN_CHAIN: 'the ledger was changed outside everloop or is damaged';
    readonly FENCED: 'another worker has taken over the run';
    readonly STORE_UNAVAILABLE: 'the store cannot be opened or written at the moment';
    readonly STORE_MISSING: 'there is no store at this place';
    readonly STORE_FULL: 'the disk or the store is full';
    readonly STORE_FAILED: 'the store failed in a way that needs a restart';
    readonly STORE_CLOSED: 'the store or runtime was closed';
    readonly STORE_FOREIGN: 'the file is not an everloop store';
    readonly STORE_NEWER: 'the store was written by a newer everloop';
    readonly STORE_OLDER: 'the store was written by an older everloop, and is not brought up to date by a look at it';
    readonly STORE_READ_ONLY: 'the store cannot be written';
    readonly STORE_NETWORK: 'the store lies on a network file system';
    readonly UNKNOWN_ARTIFACT: 'no artifact has this hash';
    readonly UNSUPPORTED_NODE: 'this Node.js is too old';
    readonly FLOW_FILE: 'a flow file cannot be loaded or exports no such flow';
    readonly CONFORMANCE: 'a store does not behave as the contract says';
    readonly INTERNAL: 'everloop broke one of its own rules';
};

interface Clock {
    now(): number;
}

interface Ports {
    readonly clock: Clock;
    monotonic(): number;
    busy(): number;
    setTimer(ms: number, callback: () => void): Timer;
    afterMicrotasks(callback: () => void): void;
    nextTurn(callback: () => void): void;
    randomBytes(count: number): Uint8Array;
}

interface Timer {
    cancel(): void;
    loosen?(): void;
}

class Redactor {
    #private;
    get isEmpty(): boolean;
    add(name: string, value: string): void;
    text(text: string): string;
    isInJson(json: string): boolean;
    bytes(bytes: Uint8Array): Uint8Array;
    error<T>(error: T): T;
    stream(): TextRedaction;
    settledUnits(text: string): number;
}

class TextRedaction {
    #private;
    constructor(redactor: Redactor);
    push(piece: string): string;
    end(): string;
}

interface LinkedEntry extends Entry {
    readonly previous: string | null;
}

type Amounts = Readonly<Record<string, number>>;

type Edit = readonly ['set', Path, unknown] | readonly ['cut', Path] | readonly ['splice', Path, start: number, remove: number, insert: readonly unknown[]];

type Key = string | number;

type Path = readonly Key[];

type StateChange = {
    readonly base: unknown;
} | {
    readonly delta: readonly Edit[];
};

interface Abandoning {
    readonly abandoned?: readonly string[] | undefined;
}

interface Actor {
    readonly by?: string | undefined;
}

interface Ancestor {
    readonly run: string;
    readonly limits?: Readonly<Record<string, number>> | undefined;
    readonly started?: number | undefined;
}

interface Charge {
    readonly to: readonly string[];
    readonly amounts: Readonly<Record<string, number>>;
}

interface Consent {
    readonly anew?: true | undefined;
}

interface Deadline {
    readonly due?: number | undefined;
    readonly otherwise?: {
        readonly value: unknown;
    } | undefined;
}

interface Entry {
    readonly run: string;
    readonly seq: number;
    readonly epoch: number;
    readonly time: number;
    readonly scope: string;
    readonly kind: EntryKind;
    readonly key: string;
    readonly salt: string | null;
    readonly digest: string;
    readonly payload: string | null;
    readonly hash: string;
}

type EntryKind = PayloadKind | (typeof reservedKinds)[number];

interface OpenScope {
    readonly path: string;
    readonly from: number;
}

type PayloadKind = keyof Payloads;

interface Payloads {
    'run.started': {
        readonly format: number;
        readonly flow: string;
        readonly version: string;
        readonly input: unknown;
        readonly queue: string;
        readonly labels?: Readonly<Record<string, string>> | undefined;
        readonly deadline?: number | undefined;
        readonly notBefore?: number | undefined;
        readonly parent?: {
            readonly run: string;
            readonly scope: string;
            readonly key: string;
        } | undefined;
        readonly ancestors?: readonly Ancestor[] | undefined;
        readonly taints?: readonly Taint[] | undefined;
        readonly seeded?: true | undefined;
    } & Actor;
    'run.tainted': {
        readonly taints: readonly Taint[];
    };
    'run.overtaken': {
        readonly lost: 'crash' | 'lease';
        readonly times: number;
    };
    'run.cancelling': {
        readonly reason: string;
        readonly deadline?: true | undefined;
    } & Actor;
    'run.paused': {
        readonly code: string;
        readonly message: string;
        readonly detail?: unknown;
    } & Actor;
    'run.resumed': Consent & Actor;
    'run.migrated': {
        readonly version: string;
    };
    'run.undoing': {
        readonly because: 'failed' | 'cancelled' | 'asked';
        readonly error?: ErrorData | undefined;
        readonly reason?: string | undefined;
        readonly cause?: number | undefined;
    } & Actor & Abandoning;
    'run.retried': {
        readonly forget: readonly number[];
        readonly reopen: readonly OpenScope[];
    } & Consent & Actor;
    'run.completed': {
        readonly output: unknown;
    } & Abandoning;
    'run.failed': {
        readonly error: ErrorData;
        readonly cause?: number | undefined;
    } & Abandoning & Undone;
    'run.cancelled': {
        readonly reason: string;
        readonly error?: ErrorData | undefined;
    } & Actor & Abandoning & Undone;
    'step.completed': {
        readonly charge?: Charge | undefined;
        readonly value: unknown;
        readonly attempts?: number | undefined;
        readonly input?: string | undefined;
        readonly transacted?: true | undefined;
    };
    'step.failed': {
        readonly charge?: Charge | undefined;
        readonly error: ErrorData;
        readonly attempts: number;
        readonly input?: string | undefined;
    };
    'step.retrying': {
        readonly attempt: number;
        readonly error: ErrorData;
        readonly due: number;
    };
    'effect.intended': {
        readonly effect: 'idempotent' | 'once';
        readonly attempt: number;
        readonly due?: number | undefined;
        readonly lost?: number | undefined;
        readonly args?: unknown;
        readonly input?: string | undefined;
        readonly undo?: Undo | undefined;
    };
    'effect.doubted': {
        readonly attempt: number;
        readonly why: 'crashed' | 'timed-out' | 'aborted' | 'threw';
        readonly error?: ErrorData | undefined;
        readonly due?: number | undefined;
        readonly prompt?: string | undefined;
        readonly schema?: unknown;
        readonly reason?: string | undefined;
    };
    'effect.resolved': {
        readonly attempt: number;
        readonly verdict: 'done' | 'notDone' | 'failed';
        readonly via: 'call' | 'reconcile' | 'person';
        readonly reason?: string | undefined;
    } & Actor;
    'effect.refused': {
        readonly reason: string;
    } & Actor;
    'undo.registered': Undo;
    'undo.retrying': {
        readonly of: number;
        readonly attempt: number;
        readonly error: ErrorData;
        readonly due: number;
    };
    'undo.completed': {
        readonly of: number;
        readonly value: unknown;
        readonly attempts?: number | undefined;
    } & Actor;
    'undo.failed': {
        readonly of: number;
        readonly error: ErrorData;
        readonly attempts: number;
    } & Actor;
    'undo.skipped': {
        readonly of: number;
        readonly reason: string;
    } & Actor;
    'timer.set': {
        readonly due: number;
    };
    'timer.fired': Readonly<Record<string, never>>;
    'signal.awaited': {
        readonly name: string;
    } & Deadline;
    'signal.received': {
        readonly value: unknown;
        readonly id?: string | undefined;
    } & Actor;
    'signal.refused': {
        readonly reason: string;
        readonly id?: string | undefined;
    } & Actor;
    'signal.expired': Readonly<Record<string, never>>;
    'question.asked': {
        readonly prompt: string;
        readonly schema?: unknown;
    } & Deadline;
    'question.answered': {
        readonly value: unknown;
    } & Actor;
    'question.refused': {
        readonly reason: string;
    } & Actor;
    'question.expired': Readonly<Record<string, never>>;
    'approval.requested': {
        readonly prompt: string;
        readonly schema?: unknown;
        readonly call: string;
        readonly tool: string;
        readonly args: unknown;
        readonly argsSchema?: unknown;
        readonly digest: string;
        readonly approvals: number;
        readonly approvers?: readonly string[] | undefined;
        readonly barred?: readonly string[] | undefined;
        readonly assignee?: string | undefined;
        readonly escalate?: {
            readonly due: number;
            readonly to: string;
        } | undefined;
        readonly reason?: string | undefined;
    } & Deadline;
    'approval.voted': Vote;
    'approval.changed': {
        readonly snoozed?: number | undefined;
        readonly assignee?: string | undefined;
        readonly escalated?: true | undefined;
    } & Actor;
    'approval.refused': {
        readonly reason: string;
    } & Actor;
    'approval.decided': {
        readonly verdict: 'approved' | 'denied';
        readonly args?: unknown;
        readonly reason?: string | undefined;
        readonly votes: readonly Vote[];
    } & Actor;
    'approval.expired': Readonly<Record<string, never>>;
    'approval.voided': {
        readonly reason: string;
    };
    'guard.decided': {
        readonly position: string;
        readonly verdicts: readonly {
            readonly guard: string;
            readonly verdict: 'allow' | 'deny' | 'fix' | 'retry' | 'ask' | 'halt';
            readonly reason?: string | undefined;
            readonly error?: ErrorData | undefined;
        }[];
        readonly fixed?: {
            readonly value: unknown;
        } | undefined;
        readonly [more: string]: unknown;
    };
    'budget.reserved': {
        readonly over: readonly {
            readonly what: string;
            readonly spent: number;
            readonly limit: number;
        }[];
    };
    'message.received': {
        readonly value: unknown;
        readonly id?: string | undefined;
    } & Actor;
    'context.compacted': {
        readonly charge?: Charge | undefined;
        readonly value: unknown;
    };
    'child.started': {
        readonly run: string;
        readonly flow: string;
        readonly input?: string | undefined;
    };
    'child.completed': {
        readonly output: unknown;
    };
    'child.failed': {
        readonly status: 'failed' | 'cancelled';
        readonly error: ErrorData;
    };
    'note.titled': {
        readonly title: string;
    };
    'note.written': {
        readonly text: string;
        readonly data?: unknown;
    };
    'input.drifted': {
        readonly of: number;
        readonly recorded: string;
        readonly given: string;
    };
    'scope.closed': {
        readonly value: unknown;
    } & Abandoning;
    'scope.failed': {
        readonly error: ErrorData;
        readonly cause?: number | undefined;
        readonly scopes: readonly OpenScope[];
    } & Abandoning;
    'turn.committed': StateChange & {
        readonly live: number;
        readonly chain: number;
        readonly version?: string | undefined;
    } & Abandoning;
}

interface Taint {
    readonly call: string;
    readonly tool: string;
    readonly run?: string | undefined;
}

interface Undo {
    readonly action: string;
    readonly input?: unknown;
}

interface Undone {
    readonly undo?: {
        readonly completed: number;
        readonly failed: number;
        readonly skipped: number;
    } | undefined;
}

interface Vote extends Actor {
    readonly verdict: 'approved' | 'denied';
    readonly args?: unknown;
    readonly reason?: string | undefined;
    readonly channel?: string | undefined;
    readonly shown?: string | undefined;
    readonly time: number;
}

type WaitKind = (typeof waitKinds)[number];

const reservedKinds: readonly ['budget.settled', 'budget.raised', 'agent.defined', 'run.titled', 'run.forked', 'run.redacted'];

const waitKinds: readonly ['step.retrying', 'timer.set', 'signal.awaited', 'question.asked', 'child.started', 'effect.intended', 'effect.doubted', 'effect.resolved', 'undo.retrying', 'approval.requested'];

type TextSource = string | Uint8Array | AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

interface Violation {
    readonly id: string;
    readonly seq: number;
    readonly what: string;
}

type Verdict = {
    readonly ok: true;
    readonly entries: number;
    readonly erased: number;
} | {
    readonly ok: false;
    readonly violations: readonly Violation[];
};

interface Wait {
    readonly seq: number;
    readonly scope: string;
    readonly key: string;
    readonly kind: WaitKind;
    readonly since: number;
    readonly record: Payloads[WaitKind];
    readonly due: number | undefined;
}

type ApprovalAnswer = {
    readonly verdict: 'approve';
    readonly args?: unknown;
    readonly reason?: string;
    readonly channel?: string;
    readonly shown?: string;
} | {
    readonly verdict: 'deny';
    readonly reason?: string;
    readonly channel?: string;
    readonly shown?: string;
} | {
    readonly verdict: 'snooze';
    readonly until: number;
} | {
    readonly verdict: 'assign';
    readonly to: string;
};

interface Approval {
    readonly id: string;
    readonly run: string;
    readonly call: string;
    readonly tool: string;
    readonly args: unknown;
    readonly digest: string;
    readonly prompt: string;
    readonly reason: string | undefined;
    readonly since: number;
    readonly due: number | undefined;
    readonly approvals: number;
    readonly votes: readonly Vote[];
    readonly refused: string | undefined;
    readonly argsSchema: unknown;
    readonly approvers: readonly string[] | undefined;
    readonly barred: readonly string[];
    readonly isDenyOnly: boolean;
    readonly assignee: string | undefined;
    readonly escalated: boolean;
    readonly escalation: Escalation | undefined;
    readonly snoozed: number | undefined;
    readonly isAnswered: boolean;
}

class Approvals {
    #private;
    constructor(store: Store, send: Send);
    list(filter?: {
        readonly run?: string;
        readonly limit?: number;
    }): Promise<readonly Approval[]>;
    get(id: string): Promise<Approval>;
    approve(id: string, decision?: Decider & {
        readonly args?: unknown;
    }): Promise<void>;
    deny(id: string, decision?: Decider): Promise<void>;
    snooze(id: string, duration: Duration, decision?: {
        readonly by?: string;
    }): Promise<void>;
    assign(id: string, to: string, decision?: {
        readonly by?: string;
    }): Promise<void>;
}

interface Decider {
    readonly by?: string;
    readonly channel?: string;
    readonly shown?: string;
    readonly reason?: string;
}

type Send = (id: string, value: ApprovalAnswer, by: string | undefined) => Promise<void>;

interface Escalation {
    readonly to: string;
    readonly due: number;
}

type Finding<T = unknown> = {
    readonly [brand]: true;
} & ({
    readonly is: 'done';
    readonly result: T;
} | {
    readonly is: 'notDone';
    readonly reason: string | undefined;
} | {
    readonly is: 'unknown';
    readonly reason: string | undefined;
});

type Reconcile<Input = unknown, T = unknown> = (input: Input, context: ReconcileContext) => Finding<T> | Promise<Finding<T>>;

interface ReconcileContext {
    readonly idempotencyKey: string;
    readonly startedAt: Date;
    readonly attempt: number;
    readonly signal: AbortSignal;
}

const brand: unique symbol;

interface Imported {
    readonly run: string;
    readonly created: boolean;
}

interface Action<Input = unknown> {
    readonly name: string;
    readonly run: (input: Input, context: UndoContext) => unknown;
    readonly retry: RetryPolicy;
    readonly timeout: Duration | undefined;
}

type AnyAction = Action<never>;

interface AnyFlow {
    readonly name: string;
    readonly version: string;
    readonly input: StandardSchemaV1 | undefined;
    readonly output: StandardSchemaV1 | undefined;
    readonly actions?: readonly AnyAction[];
    readonly migrate?: Migrations;
    readonly run: (run: Run, input: never) => unknown;
}

interface Artifact {
    readonly artifact: string;
    readonly name: string;
    readonly bytes: number;
}

interface Artifacts {
    put(name: string, content: string | Uint8Array): Promise<Artifact>;
    get(artifact: Artifact): Promise<Uint8Array>;
}

interface AskOptions<T> extends WaitOptions<T> {
    readonly schema?: StandardSchemaV1<unknown, T>;
}

type Branch = (run: Run) => unknown;

interface BranchOptions {
    readonly concurrency?: number;
}

interface ChildOptions {
    readonly queue?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly key?: string;
}

interface Done<Result> {
    readonly [verdict]: 'done';
    readonly [maker]: Maker;
    readonly result: Result;
}

type EffectClass = 'read' | 'idempotent' | 'once';

interface Flow<Input = unknown, Output = unknown, Given = Input> {
    readonly name: string;
    readonly version: string;
    readonly input: StandardSchemaV1<Given, Input> | undefined;
    readonly output: StandardSchemaV1<unknown, Output> | undefined;
    readonly actions?: readonly AnyAction[];
    readonly migrate?: Migrations;
    readonly run: (run: Run, input: Input) => Promise<Output> | Output;
}

type GivenTo<Undone> = [Undone] extends [never] ? {
    readonly input?: unknown;
} : undefined extends Undone ? {
    readonly input?: NoInfer<Undone>;
} : {
    readonly input: NoInfer<Undone>;
};

interface LoopOptions<State> {
    readonly state: State;
}

type LoopResult<Returned> = Returned extends Done<infer Result> ? Result : never;

type Maker = {
    readonly run: string;
    readonly path: string;
} | undefined;

type Migrations = Readonly<Record<string, Readonly<Record<string, (state: never) => unknown>>>>;

interface Next {
    readonly [verdict]: 'next';
    readonly [maker]: Maker;
    readonly state: unknown;
}

type Otherwise<Options, Nothing> = Omit<Options, 'otherwise'> & {
    readonly otherwise: Nothing;
};

interface RetryPolicy {
    readonly attempts: number;
    readonly delay?: Duration;
    readonly factor?: number;
    readonly maxDelay?: Duration;
    readonly when?: (error: unknown) => boolean;
}

interface Run {
    readonly id: string;
    readonly isReplaying: boolean;
    readonly abortSignal: AbortSignal;
    readonly artifacts: Artifacts;
    step<T>(name: string, body: (context: StepContext) => T | Promise<T>): Promise<T>;
    step<Input, T, Undone = never>(name: string, options: Omit<StepOptions, 'reconcile' | 'undo'> & {
        readonly input: Input;
        readonly reconcile?: Reconcile<NoInfer<Input>, NoInfer<T>>;
        readonly undo?: StepUndo<Undone>;
    }, body: (input: Input, context: StepContext) => T | Promise<T>): Promise<T>;
    step<T, Undone = never>(name: string, options: Omit<StepOptions, 'undo'> & {
        readonly undo?: StepUndo<Undone>;
    }, body: (context: StepContext) => T | Promise<T>): Promise<T>;
    transact<T>(name: string, body: (transaction: Transaction) => T): Promise<T>;
    transact<Input, T>(name: string, options: TransactOptions & {
        readonly input: Input;
    }, body: (input: Input, transaction: Transaction) => T): Promise<T>;
    transact<T>(name: string, options: TransactOptions, body: (transaction: Transaction) => T): Promise<T>;
    loop<State, Returned extends Next | Done<unknown>>(name: string, options: LoopOptions<State>, body: (run: Turn<State>, state: State) => Promise<Returned> | Returned): Promise<LoopResult<Returned>>;
    map<Item, T>(name: string, items: readonly Item[], body: (run: Run, item: Item, index: number) => Promise<T> | T): Promise<T[]>;
    map<Item, T>(name: string, items: readonly Item[], options: BranchOptions, body: (run: Run, item: Item, index: number) => Promise<T> | T): Promise<T[]>;
    all<const Branches extends readonly Branch[]>(name: string, branches: Branches, options?: BranchOptions): Promise<{
        -readonly [I in keyof Branches]: Awaited<ReturnType<Branches[I]>>;
    }>;
    scope<T>(name: string, body: (run: Run) => Promise<T> | T): Promise<T>;
    cleanup<T>(name: string, body: (run: Run) => Promise<T> | T): Promise<T>;
    child<Input, Output, Given>(flow: Flow<Input, Output, Given>, input: NoInfer<Given>, options?: ChildOptions): Promise<Output>;
    sleep(duration: Duration, options?: {
        readonly key?: string;
    }): Promise<void>;
    until(date: Date | number | string, options?: {
        readonly key?: string;
    }): Promise<void>;
    signal<T = unknown>(name: string, options?: SignalOptions<T>): Promise<T>;
    signal<T, Nothing extends null | undefined>(name: string, options: Otherwise<SignalOptions<T>, Nothing>): Promise<T | Nothing>;
    ask<T = unknown>(prompt: string, options?: AskOptions<T>): Promise<T>;
    ask<T, Nothing extends null | undefined>(prompt: string, options: Otherwise<AskOptions<T>, Nothing>): Promise<T | Nothing>;
    now(): number;
    random(): number;
    uuid(): string;
    undo<Input>(action: Action<Input>, input: NoInfer<Input>): Promise<void>;
    undo(action: string, input?: unknown): Promise<void>;
    title(title: string): Promise<void>;
    note(text: string, data?: unknown): Promise<void>;
    resource<T>(name: string, open: () => T | Promise<T>, close: (resource: T) => unknown): Promise<T>;
}

interface SignalOptions<T> extends WaitOptions<T> {
    readonly schema?: StandardSchemaV1<unknown, T>;
}

interface StepContext {
    readonly signal: AbortSignal;
    readonly attempt: number;
    readonly idempotencyKey: string;
}

interface StepOptions {
    readonly retry?: RetryPolicy;
    readonly timeout?: Duration;
    readonly key?: string;
    readonly effect?: EffectClass;
    readonly reconcile?: Reconcile<never>;
    readonly settle?: Duration;
    readonly undo?: UndoOption;
}

type StepUndo<Undone> = ({
    readonly action: Action<Undone>;
} & GivenTo<Undone>) | {
    readonly action: string | {
        readonly name: string;
        readonly run?: never;
    };
    readonly input?: unknown;
};

interface TransactOptions {
    readonly key?: string;
}

interface Turn<State> extends Run {
    readonly turn: number;
    next(state: State): Next;
    done<Result>(result: Result): Done<Result>;
}

interface UndoContext {
    readonly run: string;
    readonly result: unknown;
    readonly idempotencyKey: string;
    readonly of: {
        readonly idempotencyKey: string;
    };
    readonly attempt: number;
    readonly signal: AbortSignal;
}

interface UndoOption {
    readonly action: string | {
        readonly name: string;
    };
    readonly input?: unknown;
}

interface WaitOptions<T> {
    readonly timeout?: Duration;
    readonly otherwise?: NoInfer<T>;
    readonly key?: string;
}

const done: <Result>(result: Result, turn: Maker) => Done<Result>;

const maker: unique symbol;

const next: (state: unknown, turn: Maker) => Next;

const verdict: unique symbol;

class Flows {
    #private;
    readonly served: {
        readonly name: string;
        readonly version: string;
    }[];
    readonly actions: Actions;
    constructor(flows: readonly AnyFlow[], actions?: readonly AnyAction[]);
    find(name: string, version: string): AnyFlow | undefined;
    movesFrom({ name, version }: AnyFlow): Moves;
    resolve(flow: AnyFlow | string): AnyFlow;
}

interface Move {
    readonly version: string;
    readonly migrate: (state: never) => unknown;
}

type Moves = ReadonlyMap<string, Move>;

interface BlockSizes {
    readonly closed: number;
    readonly least: number;
}

class Changes {
    #private;
    constructor(options: ChangesOptions);
    watch(run: string, watched: Watched): Watching;
    onRun(run: string): void;
    close(): void;
}

interface ChangesOptions {
    readonly store: Store;
    readonly ports: Ports;
    readonly isHeldHere: (run: string) => boolean;
}

type Watched = 'rest' | 'entries';

interface Watching {
    readonly changed: Promise<void>;
    stop(): void;
}

interface Delivery {
    readonly by?: string;
    readonly id?: string;
}

interface GoOnOptions extends Delivery {
    readonly anew?: boolean;
}

class Ever implements AsyncDisposable {
    #private;
    constructor(options: RuntimeParts);
    get store(): Store;
    start<Input, Output, Given>(flow: Flow<Input, Output, Given> | string, input: NoInfer<Given>, options?: StartOptions): Promise<RunReference<Output>>;
    get<Output = unknown>(id: string): Promise<RunReference<Output>>;
    stream(run: string, options?: WatchOptions<string>): AsyncGenerator<StreamItem, void>;
    resolve(prefix: string): Promise<string>;
    list(options?: ListOptions): Promise<readonly RunInfo[]>;
    signal(run: string, name: string, value?: unknown, delivery?: Delivery): Promise<boolean>;
    questions(filter?: QuestionsOptions): Promise<readonly Question[]>;
    get approvals(): Approvals;
    send(run: string, message: string, delivery?: Delivery): Promise<boolean>;
    answer(question: string, value: unknown, delivery?: Delivery): Promise<void>;
    cancel(run: string, reason?: string, delivery?: Delivery): Promise<void>;
    pause(run: string, reason?: string, delivery?: Delivery): Promise<void>;
    resume(run: string, options?: GoOnOptions): Promise<void>;
    retry(run: string, options?: GoOnOptions): Promise<void>;
    account(run: string): Promise<{
        readonly amounts: Readonly<Record<string, number>>;
    }>;
    undos(run: string): Promise<readonly UndoInfo[]>;
    undo(run: string, options?: UndoOptions): Promise<readonly UndoInfo[]>;
    skipUndo(run: string, of: number, how: {
        readonly reason: string;
        readonly by?: string;
    }): Promise<void>;
    verify(run: string): Promise<Verdict>;
    export(run: string, options?: {
        readonly children?: boolean;
    }): AsyncGenerator<string, void>;
    import(source: TextSource): Promise<readonly Imported[]>;
    limitQueue(name: string, concurrency: number | null): Promise<void>;
    work(options?: WorkOptions): Promise<void>;
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

interface ListOptions {
    readonly status?: ListedStatus | readonly ListedStatus[];
    readonly flow?: string;
    readonly queue?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly id?: string;
    readonly parent?: string;
    readonly since?: number;
    readonly limit?: number;
    readonly before?: string;
}

type ListedStatus = StatusWord | RunRow['status'];

interface Question extends Omit<WaitInfo, 'kind'> {
    readonly kind: 'question' | 'approval' | 'effect';
    readonly id: string;
    readonly run: string;
    readonly prompt: string;
    readonly schema: unknown;
}

interface QuestionsOptions {
    readonly run?: string;
    readonly limit?: number;
}

interface ReferenceOptions {
    readonly store: Store;
    readonly ports: Ports;
    readonly redactor?: Redactor | undefined;
    readonly onTrouble: (error: unknown, run: string | undefined) => void;
}

type Rest = Extract<Settled, {
    readonly status: 'paused' | 'waiting';
}>;

interface ResultOptions extends WaitOptions {
    readonly onRest?: (rest: Rest) => void;
}

class RunReference<Output = unknown> {
    #private;
    readonly id: string;
    constructor({ store, redactor, onTrouble }: ReferenceOptions, changes: Changes, id: string);
    status(): Promise<RunInfo>;
    settled(options?: WaitOptions): Promise<Settled<Output>>;
    result(options?: ResultOptions): Promise<Output>;
    events(options?: WatchOptions<number>): AsyncGenerator<RunEvent, void>;
    stream(options?: WatchOptions<string>): AsyncGenerator<StreamItem, void>;
    cancel(reason?: string): Promise<void>;
}

interface WaitOptions {
    readonly signal?: AbortSignal | undefined;
}

interface WatchOptions<Cursor> {
    readonly from?: Cursor | undefined;
    readonly signal?: AbortSignal | undefined;
}

interface RunEvent {
    readonly run: string;
    readonly seq: number;
    readonly time: number;
    readonly kind: Entry['kind'];
    readonly path: string;
    readonly data: unknown;
}

interface RunInfo {
    readonly id: string;
    readonly flow: string;
    readonly version: string;
    readonly status: StatusWord;
    readonly code: string | undefined;
    readonly title: string | undefined;
    readonly queue: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly parent: string | undefined;
    readonly created: number;
    readonly updated: number;
    readonly entries: number;
    readonly due: number | undefined;
    readonly crashes: number;
    readonly overtakes: number;
}

type StatusWord = 'ready' | 'running' | 'waiting' | 'paused' | 'completed' | 'failed' | 'cancelled';

type Settled<Output = unknown> = {
    readonly status: 'completed';
    readonly output: Output;
} | {
    readonly status: 'failed';
    readonly error: ErrorData;
} | {
    readonly status: 'cancelled';
    readonly reason: string;
} | {
    readonly status: 'paused';
    readonly code: string;
    readonly message: string;
} | {
    readonly status: 'waiting';
    readonly on: readonly WaitInfo[];
};

interface StartOptions {
    readonly id?: string;
    readonly queue?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly delay?: Duration;
    readonly at?: Date;
    readonly deadline?: Duration;
    readonly by?: string;
}

type StreamItem = {
    readonly type: 'entry';
    readonly event: RunEvent;
    readonly cursor: string;
} | {
    readonly type: 'text';
    readonly path: string;
    readonly attempt: number;
    readonly text: string;
    readonly cursor: string;
} | {
    readonly type: 'restarted';
    readonly path: string;
    readonly attempt: number;
    readonly cursor: string;
};

interface WaitInfo {
    readonly kind: 'timer' | 'signal' | 'question' | 'child' | 'retry' | 'approval' | 'effect' | 'undo';
    readonly path: string;
    readonly what: string;
    readonly question?: string;
    readonly since: number;
    readonly due: number | undefined;
}

interface WorkOptions {
    readonly concurrency?: number;
    readonly until?: 'idle' | 'stopped';
    readonly onExecuted?: (run: string) => void | Promise<void>;
}

type Environment = Readonly<Record<symbol, unknown>>;

class Actions {
    #private;
    constructor(actions: Iterable<AnyAction>);
    find(name: string): AnyAction | undefined;
    check(names: Iterable<string>, run: string): void;
    unknown(names: readonly string[], run: string): EverloopError;
}

interface UndoInfo {
    readonly of: number;
    readonly action: string;
    readonly input: unknown;
    readonly result: unknown;
    readonly path: string;
    readonly state: 'registered' | 'undone' | 'failed' | 'skipped';
    readonly error: ErrorData | undefined;
}

interface UndoOptions {
    readonly by?: string;
    readonly cancel?: boolean;
}

interface RuntimeParts {
    readonly store: Store;
    readonly ports: Ports;
    readonly flows: Flows;
    readonly leaseMs: number;
    readonly name: string;
    readonly development: boolean;
    readonly redactor?: Redactor | undefined;
    readonly environment?: Environment | undefined;
    readonly blockSizes?: BlockSizes | undefined;
    readonly onBody?: OnBody | undefined;
    readonly onTrouble: (error: unknown, run: string | undefined) => void;
}

interface Manner {
    readonly usage?: ScriptedUsage | null;
    readonly finishReason?: string;
    readonly malformed?: Malformation;
}

interface Append extends AppendPlace {
    readonly entries: readonly Entry[];
    readonly taken?: readonly number[] | undefined;
    readonly unlessNewerThan?: number | undefined;
    readonly create?: readonly NewRun[] | undefined;
    readonly deliver?: readonly NewMessage[] | undefined;
    readonly artifacts?: readonly NewArtifact[] | undefined;
    readonly release?: {
        readonly wake: number | undefined;
        readonly seen: number;
    } | undefined;
}

interface AppendPlace {
    readonly run: string;
    readonly session: string;
    readonly epoch: number;
    readonly after: {
        readonly seq: number;
        readonly hash: string;
    };
}

type AppendResult = {
    readonly is: 'committed';
    readonly newest: number;
} | {
    readonly is: 'fenced';
} | {
    readonly is: 'displaced';
    readonly seq: number;
    readonly hash: string;
} | {
    readonly is: 'news';
    readonly newest: number;
};

type Change = 'ledger' | 'work';

interface Chunk extends NewChunk {
    readonly number: number;
    readonly seq: number;
    readonly epoch: number;
}

interface ClaimRequest {
    readonly session: string;
    readonly flows: readonly {
        readonly name: string;
        readonly version: string;
    }[];
    readonly limit: number;
    readonly suspects?: number | undefined;
    readonly run?: string | undefined;
}

interface ClaimResult {
    readonly runs: readonly RunRow[];
    readonly nextDue: number | undefined;
}

type DeliverResult = {
    readonly is: 'delivered';
    readonly number: number;
} | {
    readonly is: 'duplicate';
} | {
    readonly is: 'unknown-run';
} | {
    readonly is: 'refused';
    readonly status: RunRow['status'];
} | {
    readonly is: 'unknown-question';
} | {
    readonly is: 'question-closed';
} | {
    readonly is: 'news';
    readonly newest: number;
};

interface EntryRange {
    readonly after?: number | undefined;
    readonly limit?: number | undefined;
    readonly units?: number | undefined;
}

type ImportPart = ({
    readonly is: 'run';
} & ImportedRun) | {
    readonly is: 'entry';
    readonly entry: Entry;
} | {
    readonly is: 'artifact';
    readonly artifact: NewArtifact;
};

type ImportResult = {
    readonly is: 'imported';
    readonly runs: readonly {
        readonly id: string;
        readonly created: boolean;
    }[];
} | {
    readonly is: 'exists';
    readonly run: RunRow;
} | {
    readonly is: 'charges';
    readonly run: string;
    readonly account: string;
};

interface ImportedRun extends Omit<NewRun, 'genesis' | 'wake' | 'artifacts'> {
    readonly id: string;
}

interface Message extends Omit<NewMessage, 'unlessNewerThan' | 'keepsOpen'> {
    readonly number: number;
    readonly time: number;
}

type MessageKind = 'signal' | 'answer' | 'cancel' | 'pause' | 'resume' | 'retry' | 'child';

interface NewArtifact {
    readonly hash: string;
    readonly bytes: Uint8Array;
}

interface NewChunk {
    readonly path: string;
    readonly attempt: number;
    readonly part: number;
    readonly text: string;
}

interface NewMessage {
    readonly run: string;
    readonly kind: MessageKind;
    readonly name: string;
    readonly payload: string;
    readonly id?: string | undefined;
    readonly unlessNewerThan?: number | undefined;
    readonly keepsOpen?: boolean | undefined;
}

interface NewRun {
    readonly genesis: Entry;
    readonly flow: string;
    readonly version: string;
    readonly queue: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly parent: string | undefined;
    readonly wake: number;
    readonly artifacts?: readonly NewArtifact[] | undefined;
}

interface PositionedEntry extends LinkedEntry {
    readonly position: number;
}

interface Publication {
    readonly run: string;
    readonly session: string;
    readonly epoch: number;
    readonly chunks: readonly NewChunk[];
}

interface QuestionFilter {
    readonly run?: string | undefined;
    readonly id?: string | undefined;
    readonly limit?: number | undefined;
}

interface QuestionRow {
    readonly id: string;
    readonly run: string;
    readonly wait: Wait;
    readonly state: 'open' | 'answered';
}

interface QueueRow {
    readonly name: string;
    readonly concurrency: number | null;
    readonly held: number;
    readonly due: number;
}

interface RunFilter {
    readonly status?: readonly RunRow['status'][] | undefined;
    readonly flow?: string | undefined;
    readonly queue?: string | undefined;
    readonly labels?: Readonly<Record<string, string>> | undefined;
    readonly id?: string | undefined;
    readonly parent?: string | undefined;
    readonly session?: string | undefined;
    readonly createdSince?: number | undefined;
    readonly limit?: number | undefined;
    readonly before?: string | undefined;
}

interface RunRow {
    readonly id: string;
    readonly flow: string;
    readonly version: string;
    readonly queue: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly parent: string | undefined;
    readonly status: 'active' | 'paused' | 'completed' | 'failed' | 'cancelled';
    readonly code: string | undefined;
    readonly title: string | undefined;
    readonly created: number;
    readonly updated: number;
    readonly seq: number;
    readonly hash: string;
    readonly epoch: number;
    readonly session: string | undefined;
    readonly wake: number | undefined;
    readonly crashes: number;
    readonly overtakes: number;
    readonly barren: number;
    readonly newest: number;
}

interface SessionOptions {
    readonly token: string;
    readonly leaseMs: number;
    readonly name: string;
}

interface SessionRow extends SessionOptions {
    readonly since: number;
    readonly expires: number;
    readonly holds: number;
    readonly isDead?: true;
}

type SqlValue = null | number | bigint | string | Uint8Array;

interface Store {
    readonly clock: Clock;
    readonly about: StoreInfo;
    blockedMs?(): number;
    openSession(session: SessionOptions): Promise<void>;
    renewSession(token: string): Promise<boolean>;
    closeSession(token: string): Promise<void>;
    createRun(run: NewRun): Promise<{
        readonly created: boolean;
        readonly run: RunRow;
    }>;
    claim(request: ClaimRequest): Promise<ClaimResult>;
    append(append: Append): Promise<AppendResult>;
    transact?(place: AppendPlace, write: (transaction: Transaction) => Written): Promise<AppendResult>;
    publish(publication: Publication): Promise<boolean>;
    importRuns(parts: AsyncIterable<ImportPart>): Promise<ImportResult>;
    deliver(message: NewMessage): Promise<DeliverResult>;
    run(id: string): Promise<RunRow | undefined>;
    runs(filter: RunFilter): Promise<readonly RunRow[]>;
    entries(run: string, range?: EntryRange): Promise<readonly LinkedEntry[]>;
    openEntries(run: string): Promise<readonly LinkedEntry[]>;
    entriesAt(run: string, seqs: readonly number[]): Promise<readonly LinkedEntry[]>;
    follow(after: number, limit: number): Promise<readonly PositionedEntry[]>;
    openScopes(run: string): Promise<readonly OpenScope[]>;
    chunks(run: string, after: number, limit: number): Promise<readonly Chunk[]>;
    messages(run: string, signals: readonly string[]): Promise<readonly Message[]>;
    untakenSignals(run: string, limit: number): Promise<readonly UntakenSignals[]>;
    news(session: string): Promise<readonly {
        readonly run: string;
        readonly newest: number;
    }[]>;
    questions(filter: QuestionFilter): Promise<readonly QuestionRow[]>;
    account(run: string): Promise<Amounts>;
    artifact(hash: string): Promise<Uint8Array | undefined>;
    sessions(): Promise<readonly SessionRow[]>;
    queues(): Promise<readonly QueueRow[]>;
    limitQueue(name: string, concurrency: number | null): Promise<void>;
    subscribe(listener: (change: Change) => void): () => void;
    close(): Promise<void>;
}

interface StoreInfo {
    readonly kind: string;
    readonly location: string;
    readonly version: number;
    readonly durability: 'power-cut' | 'process' | 'none';
}

interface Transaction {
    run(sql: string, ...values: readonly SqlValue[]): {
        readonly changes: number;
        readonly lastInsertRowid: number | bigint;
    };
    get<Row = Readonly<Record<string, SqlValue>>>(sql: string, ...values: readonly SqlValue[]): Row | undefined;
    all<Row = Readonly<Record<string, SqlValue>>>(sql: string, ...values: readonly SqlValue[]): readonly Row[];
}

interface UntakenSignals {
    readonly name: string;
    readonly count: number;
}

interface Written {
    readonly entries: readonly Entry[];
    readonly artifacts?: readonly NewArtifact[] | undefined;
}

class Gate {
    #private;
    readonly ports: Ports;
    constructor(time: VirtualTime);
    get isOpen(): boolean;
    has(timer: {
        readonly order: number;
    }): boolean;
    freeze(): void;
    thaw(): void;
    kill(): void;
    store(store: Store, intercept?: Interceptor): Store;
}

interface TestWorkerOptions {
    readonly flows: readonly AnyFlow[];
    readonly actions?: readonly AnyAction[] | undefined;
    readonly leaseMs: number;
    readonly concurrency: number;
    readonly development: boolean;
    readonly name: string;
    readonly time: VirtualTime;
    readonly store: Store;
    readonly onCall: Interceptor | undefined;
    readonly surroundings?: Surroundings | undefined;
    readonly onBody?: OnBody | undefined;
    readonly onTrouble: (error: unknown, run: string | undefined) => void;
}
