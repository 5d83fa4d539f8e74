import { type CheckName, checkNames } from './check-names.ts';
import { remedies } from './remedies.ts';

export type CheckResult = 'ok' | 'failed' | 'not-checked';

/** One line of a verdict. */
export interface Check {
  readonly name: CheckName;
  readonly result: CheckResult;
  /** What was found, or what failed with "expected X, got Y", or why it was not checked. */
  readonly detail: string;
}

/** Thrown inside a check that cannot be made: the reason. */
export class NotChecked extends Error {}

/** The checks that were made so far. */
export interface Checklist {
  readonly checks: readonly Check[];
  /**
   * Makes a check: what `work` returns is its detail and, for the checks after it, its value; an error that it throws is why it failed,
   * a {@link NotChecked} why it was not made. Gives the value only of a check that is ok.
   */
  run<T>(name: CheckName, work: () => readonly [detail: string, value?: T]): T | undefined;
}

/** `remark` is added to the detail of every check that was made after the quote was read: all of them depend on the root. */
export function startChecklist(remark: string | undefined): Checklist {
  const checks: Check[] = [];
  const firstWithRemark = checkNames.indexOf('pck-chain');
  const add = (name: CheckName, result: CheckResult, detail: string) => {
    const isDependent = result !== 'not-checked' && checkNames.indexOf(name) >= firstWithRemark;
    checks.push({
      name,
      result,
      detail: isDependent && remark !== undefined ? `${detail} (${remark})` : detail,
    });
  };
  return {
    checks,
    run: (name, work) => {
      try {
        const [detail, value] = work();
        add(name, 'ok', detail);
        return value;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (error instanceof NotChecked) add(name, 'not-checked', reason);
        else add(name, 'failed', withRemedy(name, reason));
        return undefined;
      }
    },
  };
}

function withRemedy(name: CheckName, reason: string): string {
  const remedy = remedies[name];
  return remedy === undefined ? reason : `${reason}; what to do: ${remedy}`;
}

/** The value of an earlier check. Throws if that was not ok: a check that builds on it cannot be made. */
export function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new NotChecked(`needs ${what}`);
  return value;
}
