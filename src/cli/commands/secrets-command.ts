import { setTimeout as wait } from 'node:timers/promises';
import { Argument } from 'commander';
import { startBroker } from '../../broker/broker.ts';
import { loadBroker, stampOf } from '../../broker/load-broker.ts';
import { parseReference } from '../../parts.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly config: string;
}

/** How often the files of the configuration are looked at. */
const reloadMs = 1000;

export const addSecrets: AddCommand = (program, act) => {
  const command = program
    .command('secrets')
    .summary('serve secrets to attested enclaves')
    .description(
      "Serves secrets to enclaves that prove who they are, in the protocol of Gramine's libsecret_prov_attest.so: for development, CI and small sites.",
    )
    .addArgument(new Argument('ACTION', 'serve: run until interrupted').choices(['serve']))
    .requiredOption('-c, --config <file>', 'who gets which secrets: YAML')
    .action(act(serveSecrets));
  addStoreOptions(command);
};

async function serveSecrets(context: CommandContext, { config }: Options, _action: string): Promise<number> {
  const { host, console, images, isJson } = context;
  const { signal } = host;
  const log = (line: string) => console.say(`${host.today().toISOString()} ${line}`);
  const openImage = async (reference: string) => (await images.open(parseReference(reference))).image;
  const load = () => loadBroker({ host, openImage }, config);
  let loaded = await load();
  const { host: address, decision } = loaded.state;
  if (decision.options.rootCa) console.warn("root_ca is set: quotes are not checked against Intel's root");
  const broker = await startBroker(loaded.state, { now: host.today, log });
  console.result(
    isJson
      ? `${JSON.stringify({ host: address, port: broker.port, clients: decision.clients.length })}\n`
      : `serving on ${address}:${broker.port}\n`,
  );
  let stamp = await stampOf(loaded.files);
  while (!signal.aborted) {
    // Ends at once, and rejects, when the signal comes.
    await wait(reloadMs, undefined, { signal }).catch(() => undefined);
    const found = await stampOf(loaded.files);
    if (found === stamp || signal.aborted) continue;
    stamp = found;
    try {
      loaded = await load();
      broker.reload(loaded.state);
      stamp = await stampOf(loaded.files);
      log('configuration reloaded');
    } catch (error) {
      log(`configuration unchanged: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await broker.close();
  return exitCodes.done;
}
