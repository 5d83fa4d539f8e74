import type { HostEnvironment } from '../base/host-environment.ts';
import type { Engine } from './engine/engine.ts';
import { type EngineFlavour, findEngine } from './engine/find-engine.ts';
import type { RegistryOptions } from './registry/registry-options.ts';
import { RegistrySession } from './registry/registry-session.ts';

/** What the user says about registries. */
export type RegistryChoices = Pick<RegistryOptions, 'insecureRegistries' | 'caFiles'>;

/** The Engines and registries that one command talks to, each connected when it is first needed. */
export class Connections {
  readonly #host: HostEnvironment;
  readonly #choices: RegistryChoices;
  readonly #engines = new Map<EngineFlavour, Promise<Engine>>();
  #session: RegistrySession | undefined;
  #failFastSession: RegistrySession | undefined;

  constructor(host: HostEnvironment, choices: RegistryChoices) {
    this.#host = host;
    this.#choices = choices;
  }

  engine(flavour: EngineFlavour): Promise<Engine> {
    const { environment, homeDirectory, userId, signal } = this.#host;
    const known = this.#engines.get(flavour);
    if (known) return known;
    const engine = findEngine({
      flavour,
      environment,
      homeDirectory,
      signal,
      ...(userId !== undefined && { userId }),
    });
    this.#engines.set(flavour, engine);
    return engine;
  }

  registry(): RegistrySession {
    this.#session ??= this.#newSession({});
    return this.#session;
  }

  /** For what was not asked for by name: without a network a build shall say so at once, not after minutes. */
  failFastRegistry(): RegistrySession {
    this.#failFastSession ??= this.#newSession({ retry: { attempts: 3 }, timeouts: { connectMs: 4000 } });
    return this.#failFastSession;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    for (const engine of this.#engines.values())
      await engine.then(
        (found) => found.close(),
        () => undefined,
      );
    await this.#session?.close();
    await this.#failFastSession?.close();
  }

  #newSession(patience: Pick<RegistryOptions, 'retry' | 'timeouts'>): RegistrySession {
    const { environment, homeDirectory, signal } = this.#host;
    return new RegistrySession({ ...patience, ...this.#choices, environment, homeDirectory, signal });
  }
}
