import { PbfWriter } from 'pbf';
import { describe, expect, test } from 'vitest';
import type { BuildEvent } from '../../../../src/store/engine/build/build-event.ts';
import { BuildkitEvents } from '../../../../src/store/engine/build/buildkit-events.ts';

interface VertexFields {
  readonly digest: string;
  readonly name: string;
  readonly cached?: boolean;
  readonly started?: boolean;
  readonly completed?: boolean;
  readonly error?: string;
}

const eventsOf = (lines: readonly unknown[]): readonly BuildEvent[] => {
  const events = new BuildkitEvents();
  return lines.flatMap((line) => events.read(JSON.stringify(line)));
};

/** A trace as moby sends it: StatusResponse of control.proto, with fields that gsc does not read. */
function trace(
  vertexes: readonly VertexFields[],
  logs: readonly (readonly [vertex: string, text: string])[] = [],
) {
  const writer = new PbfWriter();
  for (const vertex of vertexes) writer.writeMessage(1, writeVertex, vertex);
  writer.writeMessage(
    2,
    (_: object, status: PbfWriter) => status.writeStringField(1, 'exporting layers'),
    {},
  );
  for (const log of logs) writer.writeMessage(3, writeLog, log);
  return { id: 'moby.buildkit.trace', aux: Buffer.from(writer.finish()).toString('base64') };
}

function writeVertex(vertex: VertexFields, writer: PbfWriter): void {
  writer.writeStringField(1, vertex.digest);
  writer.writeStringField(2, 'sha256:input');
  writer.writeStringField(3, vertex.name);
  if (vertex.cached) writer.writeBooleanField(4, true);
  if (vertex.started) writer.writeMessage(5, writeTime, {});
  if (vertex.completed) writer.writeMessage(6, writeTime, {});
  if (vertex.error) writer.writeStringField(7, vertex.error);
}

function writeTime(_: object, writer: PbfWriter): void {
  writer.writeVarintField(1, 1_700_000_000);
  writer.writeVarintField(2, 5);
}

function writeLog([vertex, text]: readonly [string, string], writer: PbfWriter): void {
  writer.writeStringField(1, vertex);
  writer.writeMessage(2, writeTime, {});
  writer.writeVarintField(3, 1);
  writer.writeBytesField(4, Buffer.from(text));
}

describe("the lines of BuildKit's trace", () => {
  test('tell a step once, when it starts, however often it is repeated', () => {
    const make = { digest: 'a', name: '[build 2/9] RUN make' };
    const events = eventsOf([
      trace([make]),
      trace([{ ...make, started: true }]),
      trace([{ ...make, started: true }], [['a', 'hel']]),
      trace([], [['a', 'lo\n']]),
      trace([{ ...make, started: true, completed: true }]),
    ]);
    expect(events).toEqual([
      { kind: 'step', key: 'a', title: '[build 2/9] RUN make', isCached: false },
      { kind: 'output', key: 'a', text: 'hel' },
      { kind: 'output', key: 'a', text: 'lo\n' },
    ]);
  });

  test('report a step that existed already as cached', () => {
    expect(eventsOf([trace([{ digest: 'a', name: 'RUN x', cached: true }])])).toEqual([
      { kind: 'step', key: 'a', title: 'RUN x', isCached: true },
    ]);
  });

  test('name the step that failed, also when others go on', () => {
    const events = eventsOf([
      trace([
        { digest: 'a', name: 'RUN one', started: true },
        { digest: 'b', name: 'RUN two', started: true },
      ]),
      trace([{ digest: 'a', name: 'RUN one', started: true, error: 'exit code: 2' }]),
      { errorDetail: { message: 'failed to solve: exit code: 2' }, error: 'failed to solve: exit code: 2' },
    ]);
    expect(events.at(-1)).toEqual({ kind: 'failed', key: 'a', said: 'failed to solve: exit code: 2' });
  });

  test('name the image', () => {
    expect(eventsOf([{ id: 'moby.image.id', aux: { ID: 'sha256:1' } }])).toEqual([
      { kind: 'image', id: 'sha256:1' },
    ]);
  });

  test('of other kinds say nothing; what is not a line is refused', () => {
    expect(eventsOf([{ id: 'moby.something.new', aux: {} }, { stream: 'x' }])).toEqual([]);
    for (const line of [1, 'x', null, { id: 'moby.image.id', aux: {} }])
      expect(() => eventsOf([line])).toThrow();
  });

  test('that are cut short or damaged never give a step without end', () => {
    const whole = Buffer.from(
      trace([{ digest: 'a', name: 'RUN x', started: true }], [['a', 'text']]).aux,
      'base64',
    );
    for (let length = 0; length < whole.length; length++) {
      const aux = whole.subarray(0, length).toString('base64');
      try {
        expect(eventsOf([{ id: 'moby.buildkit.trace', aux }]).length).toBeLessThanOrEqual(2);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  });
});
