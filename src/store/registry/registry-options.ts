import { setTimeout as sleepFor } from 'node:timers/promises';
import { type RunProgram, runProgram } from '../../base/run-program.ts';

/** How often, and with which pauses, a request is repeated that the network or a busy registry spoilt. */
export interface RetryPolicy {
  /** All attempts of one request, the first included. */
  readonly attempts: number;
  /** The first pause; each further one is twice as long, up to `maximalPauseMs`. Jitter takes away up to half of it. */
  readonly firstPauseMs: number;
  readonly maximalPauseMs: number;
  /** The longest `Retry-After` that is waited for; a longer one is an error that tells the user how long. */
  readonly maximalRetryAfterMs: number;
}

/** How long the other side may be silent. */
export interface Timeouts {
  readonly connectMs: number;
  /** From the end of the request to the headers of the answer. */
  readonly headersMs: number;
  /** The same for the end of an upload, when the registry hashes and stores what it got. */
  readonly uploadMs: number;
  /** Between two pieces of a body. */
  readonly stallMs: number;
  /** For a credential helper, which may ask the user something. */
  readonly helperMs: number;
}

/** What a registry session needs from the host around it. Only the command line knows these values. */
export interface RegistryOptions {
  /** Variables that count: DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_*, HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE, PATH. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  /** Hosts (with port, as in the reference) that may speak http, or TLS with any certificate. */
  readonly insecureRegistries?: readonly string[];
  /** PEM files of certificate authorities to trust besides the system's, for every host. */
  readonly caFiles?: readonly string[];
  /** Directories of HOST directories with `*.crt` (authorities) and `*.cert` + `*.key` (client certificates). */
  readonly certificateDirectories?: readonly string[];
  readonly retry?: Partial<RetryPolicy>;
  readonly timeouts?: Partial<Timeouts>;
  /** Size of the pieces in which a blob goes to a registry (or its proxy) that refuses the whole as too large. */
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal;
  /** How credential helpers are run. */
  readonly runProgram?: RunProgram;
  /** Waits; throws if `signal` is aborted meanwhile. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Uniform in [0, 1): spreads the pauses. */
  readonly random?: () => number;
  /** Milliseconds since 1970: when tokens expire, and what a `Retry-After` date means. */
  readonly now?: () => number;
}

/** {@link RegistryOptions} with every default in its place. */
export type RegistrySettings = Required<Omit<RegistryOptions, 'signal' | 'retry' | 'timeouts'>> & {
  readonly retry: RetryPolicy;
  readonly timeouts: Timeouts;
  readonly signal: AbortSignal | undefined;
};

const defaultRetry: RetryPolicy = {
  attempts: 5,
  firstPauseMs: 500,
  maximalPauseMs: 15_000,
  maximalRetryAfterMs: 60_000,
};

const defaultTimeouts: Timeouts = {
  connectMs: 15_000,
  headersMs: 60_000,
  uploadMs: 300_000,
  stallMs: 60_000,
  helperMs: 60_000,
};

/** The directories of Docker and of skopeo and podman (containers-certs.d(5)). */
const defaultCertificateDirectories = ['/etc/docker/certs.d', '/etc/containers/certs.d'];

/** Below the 100 MB at which widely used proxies cut requests off, above the 5 MiB that object stores ask for. */
const defaultChunkBytes = 32 * 1024 * 1024;

/** Fills in the defaults. */
export function registrySettings(options: RegistryOptions): RegistrySettings {
  return {
    insecureRegistries: [],
    caFiles: [],
    certificateDirectories: defaultCertificateDirectories,
    chunkBytes: defaultChunkBytes,
    runProgram,
    sleep: async (milliseconds, signal) => {
      await sleepFor(milliseconds, undefined, signal ? { signal } : {});
    },
    random: Math.random,
    now: Date.now,
    ...options,
    retry: { ...defaultRetry, ...options.retry },
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    signal: options.signal,
  };
}
