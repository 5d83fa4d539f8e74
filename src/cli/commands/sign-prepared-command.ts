import { resolve } from 'node:path';
import { replaceFiles } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { signPrepared, writeSigningAnswer } from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addKeyOptions, type KeyOptions, keyHelp, openKey } from '../options/key-options.ts';
import { checkIsNoKey } from '../options/operand-order.ts';
import { reportPrepared, summaryFileOf } from '../reports/prepared-report.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, KeyOptions {
  readonly output?: string;
  readonly allowDebug?: boolean;
}

export const addSignPrepared: AddCommand = (program, act) => {
  const command = program
    .command('sign-prepared')
    .summary('sign what sign-image --prepare wrote')
    .description(
      'Signs the bytes that gsc sign-image --prepare wrote, on a machine that needs neither the image nor a network.',
    )
    .argument('FILE', 'the bytes to sign; their summary is FILE.summary.toml')
    .argument('KEY', keyHelp)
    .option('-o, --output <file>', 'the signature; default: FILE.sig')
    .option('--allow-debug', 'sign a debug enclave')
    .action(act(signPreparedCommand));
  addKeyOptions(command);
};

async function signPreparedCommand(
  context: CommandContext,
  options: Options,
  file: string,
  key: string,
): Promise<number> {
  const { host, console, isJson } = context;
  checkIsNoKey('gsc sign-prepared', 'FILE', file);
  const at = (name: string) => resolve(host.workingDirectory, name);
  const output = options.output ?? `${file}.sig`;
  const message = await readUserFile(at(file), 'file to sign');
  const summary = await readSummary(at(summaryFileOf(file)));
  console.say(`to be signed from ${file}:`);
  if (summary === undefined)
    console.warn(`${summaryFileOf(file)} is not there: only the bytes say what is signed`);
  const image = reportPrepared(console, { bytes: message, file }, summary);
  const signer = await openKey(context, key, options);
  try {
    const signed = await signPrepared(message, {
      ...{ signer, subject: file, allowsDebug: options.allowDebug === true },
      ...(image !== undefined && { image }),
    });
    host.signal.throwIfAborted();
    await replaceFiles([{ path: at(output), bytes: writeSigningAnswer(signed) }]);
    console.say(`  ${'mr_signer'.padEnd(20)} ${signed.mrSigner}`);
    console.result(
      isJson ? `${JSON.stringify({ file: output, mr_signer: signed.mrSigner })}\n` : `${output}\n`,
    );
    return exitCodes.done;
  } finally {
    await signer.close?.();
  }
}

async function readSummary(path: string): Promise<Buffer | undefined> {
  try {
    return await readUserFile(path, 'summary');
  } catch (error) {
    if (error instanceof GscError && error.code === 'not-found') return undefined;
    throw error;
  }
}
