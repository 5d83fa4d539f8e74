import * as v from 'valibot';
import { looseObjectOf, recordOf } from '../base/object-schema.ts';
import { tcbComponentCount } from '../quote/pck-extension.ts';
import { countUpTo, hexText, isoTime, parseJsonAs } from './signed-json.ts';

/** A step of the ladder: who has at least these versions has at least this status. */
export interface TcbLevel {
  /** 16 security versions. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** As Intel wrote it: it may be one that is not known here. */
  readonly status: string;
  /** Milliseconds since 1970. */
  readonly date: number;
  readonly advisories: readonly string[];
}

/** Intel's TCB info of a kind of platform, versions 2 and 3 (Intel PCS, "Get TCB Info"). Times in milliseconds since 1970. */
export interface TcbInfo {
  readonly version: 2 | 3;
  readonly issueDate: number;
  readonly nextUpdate: number;
  readonly fmspc: Buffer;
  readonly pceId: Buffer;
  readonly evaluationDataNumber: number;
  /** In no particular order. */
  readonly levels: readonly TcbLevel[];
}

const common = {
  issueDate: isoTime,
  nextUpdate: isoTime,
  fmspc: hexText(6),
  pceId: hexText(2),
  // 0: the only way of comparing levels that exists.
  tcbType: v.literal(0, 'expected the TCB type 0'),
  tcbEvaluationDataNumber: countUpTo(Number.MAX_SAFE_INTEGER),
};

const levelSchema = <Tcb extends v.GenericSchema>(tcb: Tcb) =>
  v.pipe(
    v.array(
      looseObjectOf({
        tcb,
        tcbDate: isoTime,
        tcbStatus: v.string(),
        advisoryIDs: v.optional(v.array(v.string())),
      }),
    ),
    v.minLength(1),
  );

const componentNames = Array.from(
  { length: tcbComponentCount },
  (_, index) => `sgxtcbcomp${String(index + 1).padStart(2, '0')}svn`,
);

const tcbV2 = v.pipe(
  recordOf(v.string(), v.unknown()),
  v.check(
    (tcb) => Object.keys(tcb).filter((key) => key.startsWith('sgxtcbcomp')).length === tcbComponentCount,
    `expected ${tcbComponentCount} components`,
  ),
);

const svnsV2 = looseObjectOf({
  ...Object.fromEntries(componentNames.map((name) => [name, countUpTo(0xff)])),
  pcesvn: countUpTo(0xffff),
});

const svnsV3 = looseObjectOf({
  sgxtcbcomponents: v.pipe(
    v.array(looseObjectOf({ svn: countUpTo(0xff) })),
    v.length(tcbComponentCount, `expected ${tcbComponentCount} components`),
  ),
  pcesvn: countUpTo(0xffff),
});

const schemaV2 = looseObjectOf({
  ...common,
  version: v.literal(2),
  tcbLevels: levelSchema(v.intersect([tcbV2, svnsV2])),
});
const schemaV3 = looseObjectOf({
  ...common,
  version: v.literal(3),
  id: v.literal('SGX', 'expected the TCB info of SGX'),
  tcbLevels: levelSchema(svnsV3),
});

const versionSchema = looseObjectOf({ version: v.number() });

/** Reads TCB info. Throws a plain Error if it is not of SGX, of another version, or not of the right shape. */
export function parseTcbInfo(text: string): TcbInfo {
  const { version } = parseJsonAs(text, versionSchema);
  if (version === 2) return readV2(text);
  if (version === 3) return readV3(text);
  throw new Error(`expected version 2 or 3, got ${version}`);
}

function readV2(text: string): TcbInfo {
  const info = parseJsonAs(text, schemaV2);
  const levels = info.tcbLevels.map((level) => {
    const tcb = level.tcb as unknown as Readonly<Record<string, number>>;
    return toLevel(level, {
      components: componentNames.map((name) => tcb[name] as number),
      pceSvn: tcb.pcesvn as number,
    });
  });
  return { version: 2, ...toCommon(info), levels };
}

function readV3(text: string): TcbInfo {
  const info = parseJsonAs(text, schemaV3);
  const levels = info.tcbLevels.map((level) =>
    toLevel(level, {
      components: level.tcb.sgxtcbcomponents.map(({ svn }) => svn),
      pceSvn: level.tcb.pcesvn,
    }),
  );
  return { version: 3, ...toCommon(info), levels };
}

interface CommonFields {
  readonly issueDate: number;
  readonly nextUpdate: number;
  readonly fmspc: string;
  readonly pceId: string;
  readonly tcbEvaluationDataNumber: number;
}

function toCommon(info: CommonFields): Omit<TcbInfo, 'version' | 'levels'> {
  const { issueDate, nextUpdate, fmspc, pceId, tcbEvaluationDataNumber } = info;
  return {
    issueDate,
    nextUpdate,
    fmspc: Buffer.from(fmspc, 'hex'),
    pceId: Buffer.from(pceId, 'hex'),
    evaluationDataNumber: tcbEvaluationDataNumber,
  };
}

interface LevelFields {
  readonly tcbDate: number;
  readonly tcbStatus: string;
  readonly advisoryIDs?: readonly string[] | undefined;
}

function toLevel(level: LevelFields, svns: Pick<TcbLevel, 'components' | 'pceSvn'>): TcbLevel {
  return { ...svns, status: level.tcbStatus, date: level.tcbDate, advisories: level.advisoryIDs ?? [] };
}
