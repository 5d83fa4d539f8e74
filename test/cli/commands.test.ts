import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { commands } from '../../src/cli/commands.ts';

// The test runner compiles what it loads.
vi.setConfig({ testTimeout: 60_000 });

/** How the overview shows an operand. */
function termOf({ required, variadic, name }: { required: boolean; variadic: boolean; name: () => string }) {
  const word = `${name()}${variadic ? '...' : ''}`;
  return required ? word : `[${word}]`;
}

test.each(commands.map((row) => [row.name, row] as const))(
  'the overview says of gsc %s what the command says of itself',
  async (_, { load, name, alias, operands, summary }) => {
    const program = new Command();
    (await load())(program, () => async () => undefined);
    const [command] = program.commands;
    expect(program.commands).toHaveLength(1);
    expect(command?.name()).toBe(name);
    expect(command?.aliases()).toEqual(alias === undefined ? [] : [alias]);
    expect(command?.summary()).toBe(summary);
    const terms = command?.registeredArguments.map((argument) =>
      termOf({ required: argument.required, variadic: argument.variadic, name: () => argument.name() }),
    );
    expect(terms).toEqual(operands);
  },
);
