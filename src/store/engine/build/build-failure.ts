import { GscError } from '../../../base/error.ts';
import type { BuildOutcome } from './build-transcript.ts';

/** An instruction may have hundreds of words. */
const shownTitle = 200;

/** The error for a build that failed: the step, what the Engine says about it, and the end of the step's own output. */
export function buildFailure(
  subject: string,
  { said, step, lastLines }: BuildOutcome & { readonly kind: 'failed' },
): GscError {
  const output = lastLines.map((line) => `\n  | ${line}`).join('');
  return new GscError({
    code: 'build',
    subject,
    message: `the build failed${step === undefined ? '' : ` at the step ${shorten(step)}`}: ${reason(said)}${output}`,
    hint: hintFor(step, [said, ...lastLines].join('\n')),
  });
}

/** Engines repeat the whole command before they say how it ended. */
function reason(said: string): string {
  const code =
    /^(?:The command |executor failed running |.*process ).*(?:non-zero code|exit code): (\d+)$/s.exec(said);
  return code ? `it ended with code ${code[1]}` : said;
}

function shorten(title: string): string {
  const line = title.replace(/\s+/g, ' ');
  return line.length <= shownTitle ? line : `${line.slice(0, shownTitle)}…`;
}

const networkTrouble =
  /could not resolve|temporary failure (?:in name resolution|resolving)|name or service not known|network is unreachable|no such host|failed to connect|connection (?:refused|timed out)|unable to connect/i;

/** A step may say by itself what to do, in its own line. */
const ownHint = /^gsc hint: (.+)$/m;

function hintFor(step: string | undefined, text: string): string {
  const own = ownHint.exec(text)?.[1];
  if (own !== undefined) return own;
  if (/no space left|disk quota exceeded/i.test(text)) {
    return 'free space where the Engine keeps its images, for example with docker system prune';
  }
  if (step === undefined || /^(?:\[[^\]]*\] )?FROM |\[internal\] load metadata/.test(step)) {
    return "the distribution's image could not be fetched: pull it first, or name the registry that has it as Registry in the configuration";
  }
  if (networkTrouble.test(text)) {
    return 'the build cannot reach the network: give it --network host, a proxy (--build-arg https_proxy=URL), or Mirror and Gramine.Subprojects in the configuration';
  }
  return 'gsc build-gramine --file-only writes the Dockerfile: its steps can be tried by hand';
}
