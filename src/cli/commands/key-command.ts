import { GscError } from '../../base/error.ts';
import { type ListedKey, type ListedToken, listTokenKeys, parseKeyReference } from '../../tools.ts';
import { choiceArgument } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addPassphraseOptions, type KeyOptions, keyEnvironment, warnOfPin } from '../options/key-options.ts';
import { exitCodes } from '../terminal/failure.ts';

export const addKey: AddCommand = (program, act) => {
  const command = program
    .command('key')
    .summary('list the keys on a token')
    .description('Lists what on a PKCS#11 token could sign enclaves, and what could not, and why.')
    .addArgument(choiceArgument('ACTION', 'ls: list the keys', ['ls']))
    .argument('URI', 'a pkcs11: URI that chooses a token or a key; pkcs11: alone chooses all')
    .action(act(key));
  addPassphraseOptions(command);
};

async function key(
  context: CommandContext,
  options: CommonOptions & KeyOptions,
  _action: string,
  text: string,
): Promise<number> {
  const { console, isJson } = context;
  const reference = parseKeyReference(text);
  if (reference.kind !== 'pkcs11') throw notAToken();
  warnOfPin(context, reference.uri);
  const tokens = await listTokenKeys(reference.uri, await keyEnvironment(context, options));
  if (isJson) {
    console.result(`${JSON.stringify({ tokens: tokens.map(tokenToJson) })}\n`);
    return exitCodes.done;
  }
  for (const { facts, isLoggedIn, keys } of tokens) {
    console.say(`token ${facts.label}, slot ${facts.slotId}, ${facts.model}, serial ${facts.serial}`);
    if (!isLoggedIn) console.say('  not logged in: private keys may be hidden; give the PIN to see them');
    for (const each of keys) console.result(`${each.uri}\n`);
    for (const each of keys) console.say(`  ${each.label || each.id}: ${describe(each)}`);
    if (keys.length === 0)
      console.say("  it holds no keys; make one with gsc gen-private-key 'pkcs11:…;object=NAME'");
  }
  return exitCodes.done;
}

function describe({ kind, isUsable, mrSigner }: ListedKey): string {
  const verdict = isUsable ? 'can sign' : 'cannot sign enclaves: SGX takes RSA-3072 with exponent 3';
  return `${kind}, ${verdict}${isUsable && mrSigner !== undefined ? `; MRSIGNER ${mrSigner}` : ''}`;
}

function tokenToJson({ facts, isLoggedIn, keys }: ListedToken): object {
  return {
    token: facts.label,
    slot_id: facts.slotId,
    manufacturer: facts.manufacturer,
    model: facts.model,
    serial: facts.serial,
    logged_in: isLoggedIn,
    keys: keys.map(({ uri, label, id, kind, isUsable, mrSigner }) => ({
      ...{ uri, label, id, kind },
      usable: isUsable,
      mr_signer: mrSigner ?? null,
    })),
  };
}

function notAToken(): GscError {
  return new GscError({
    code: 'usage',
    subject: 'URI',
    message: 'expected a pkcs11: URI',
    hint: "write gsc key ls 'pkcs11:token=NAME?module-path=FILE'",
  });
}
