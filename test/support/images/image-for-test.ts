import type { TestContext } from 'vitest';
import { hasTool } from '../tool.ts';
import { type TestEngine, testEngine } from './engine.ts';
import { type ImageName, makeImage, type TestImage, toolsFor } from './make-image.ts';
import { ToolFailure } from './run-tool.ts';

/** How package tools say that they reached no mirror. */
export const noNetwork =
  /apt-get update .*failed|Failed to fetch|Could not resolve|Unable to connect|Could not connect|Temporary failure/;

/** The image for a test. Where it cannot be made (a tool or the network is missing) the test fails in CI, else is skipped. */
export async function imageForTest(context: TestContext, name: ImageName): Promise<TestImage> {
  const missing = toolsFor(name).filter((tool) => !hasTool(tool));
  if (missing.length > 0) giveUp(context, `the ${name} image needs ${missing.join(', ')}`);
  try {
    return await makeImage(name);
  } catch (error) {
    if (error instanceof ToolFailure && noNetwork.test(error.stderr)) {
      giveUp(context, `the ${name} image needs a package mirror: ${error.message}`);
    }
    throw error;
  }
}

/** The Engine for a test, under the same rule. */
export async function engineForTest(context: TestContext): Promise<TestEngine> {
  return (await testEngine()) ?? giveUp(context, 'no Docker Engine can be started here');
}

function giveUp(context: TestContext, reason: string): never {
  if (process.env.CI) throw new Error(reason);
  process.stderr.write(`SKIPPED: ${context.task.name}: ${reason}\n`);
  return context.skip(reason);
}
