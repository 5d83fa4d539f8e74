import { PbfReader } from 'pbf';
import { anything, object, required, text } from '../../../json/shape.ts';
import { type BuildEvent, plainText, readLine } from './build-event.ts';

/** A line of the answer of BuildKit. moby, builder/builder-next: `moby.buildkit.trace` holds a StatusResponse. */
const lineShape = object({ id: text, aux: anything, error: text, errorDetail: object({ message: text }) });
const imageLineShape = object({ aux: required(object({ ID: required(text) })) });

/** A step, as far as it matters here. */
interface Vertex {
  digest: string;
  name: string;
  isCached: boolean;
  isStarted: boolean;
  error: string;
}

/** A piece of output. */
interface Log {
  vertex: string;
  text: string;
}

interface StatusResponse {
  readonly vertexes: Vertex[];
  readonly logs: Log[];
}

/** Follows BuildKit, which runs steps side by side and repeats what it said about them. */
export class BuildkitEvents {
  readonly #told = new Set<string>();
  #failed: string | undefined;

  /** The events of one line of the answer. Throws a RangeError if it is not such a line. */
  read(line: string): readonly BuildEvent[] {
    const { id, aux, error, errorDetail } = readLine(line, lineShape);
    const said = errorDetail?.message || error;
    if (said) return [{ kind: 'failed', key: this.#failed, said: plainText(said).trim() }];
    if (id === 'moby.image.id') return [{ kind: 'image', id: readLine(line, imageLineShape).aux.ID }];
    if (id !== 'moby.buildkit.trace' || typeof aux !== 'string') return [];
    return this.#readStatus(readStatusResponse(Buffer.from(aux, 'base64')));
  }

  #readStatus({ vertexes, logs }: StatusResponse): readonly BuildEvent[] {
    const steps = vertexes.flatMap((vertex): readonly BuildEvent[] => {
      if (vertex.error !== '') this.#failed = vertex.digest;
      if (!(vertex.isStarted || vertex.isCached) || this.#told.has(vertex.digest)) return [];
      this.#told.add(vertex.digest);
      return [{ kind: 'step', key: vertex.digest, title: vertex.name, isCached: vertex.isCached }];
    });
    const output = logs.map(({ vertex, text }) => ({ kind: 'output', key: vertex, text }) as const);
    return [...steps, ...output];
  }
}

/** moby/buildkit, api/services/control/control.proto: StatusResponse. */
function readStatusResponse(bytes: Uint8Array): StatusResponse {
  return new PbfReader(bytes).readFields<StatusResponse>(
    (field, result, reader) => {
      if (field === 1) result.vertexes.push(readVertex(reader));
      else if (field === 3) result.logs.push(readLog(reader));
    },
    { vertexes: [], logs: [] },
  );
}

/** Vertex: digest 1, name 3, cached 4, started 5, error 7. */
function readVertex(reader: PbfReader): Vertex {
  return reader.readMessage<Vertex>(
    (field, vertex, fields) => {
      if (field === 1) vertex.digest = fields.readString();
      else if (field === 3) vertex.name = fields.readString();
      else if (field === 4) vertex.isCached = fields.readBoolean();
      else if (field === 5) vertex.isStarted = true;
      else if (field === 7) vertex.error = fields.readString();
    },
    { digest: '', name: '', isCached: false, isStarted: false, error: '' },
  );
}

/** VertexLog: vertex 1, msg 4. */
function readLog(reader: PbfReader): Log {
  return reader.readMessage<Log>(
    (field, log, fields) => {
      if (field === 1) log.vertex = fields.readString();
      else if (field === 4) log.text = plainText(Buffer.from(fields.readBytes()).toString('utf8'));
    },
    { vertex: '', text: '' },
  );
}
