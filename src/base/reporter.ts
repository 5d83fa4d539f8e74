import { silentWork, type Work, type WorkPlan } from './progress.ts';

/** The receiver of what happens while gsc works; results are returned, and failures are thrown. */
export interface Reporter {
  /** A remark, a line. */
  say(line: string): void;
  /** A remark whose beginning stands out on a terminal. */
  sayHeading(heading: string, more?: string): void;
  /** A remark for those who asked for more. */
  detail(line: string): void;
  /** Something that weakens or surprises. */
  warn(line: string): void;
  /** Long work begins; whoever does it says how far it is, and ends it. Several may be under way. */
  begin(plan: WorkPlan): Work;
}

/** For callers that want results only. */
export const silentReporter: Reporter = {
  say: () => undefined,
  sayHeading: () => undefined,
  detail: () => undefined,
  warn: () => undefined,
  begin: () => silentWork,
};
