/** A piece of a Jinja2 template in a text. */
export interface TemplateMark {
  readonly offset: number;
  readonly text: string;
}

/** What to do about a template. */
export const templateHint =
  'render it first (gramine-manifest does); pass braces meant for the application with --env, --entrypoint or --cmd';

/**
 * Jinja2: expressions, statements, comments. https://jinja.palletsprojects.com/en/stable/templates/#synopsis. A piece ends before
 * the next one begins, so that a text is searched once.
 */
const marks = /(?<!\{)\{\{-?([^{}]*)\}\}|\{%(?:(?!\{%)[\s\S])*?%\}|\{#(?:(?!\{#)[\s\S])*?#\}/g;

/** Graphene's own templates until 1.2: variables of make, in URIs alone (elsewhere shells have the same form). */
const makeVariable = /\$\(\w+\)/;

/**
 * The first piece of a template in a text, or undefined. Double braces of other languages are not: an expression of Jinja2
 * begins with a name or a literal, where Go's templates have a dot and inline tables of TOML an equals sign.
 */
export function findTemplateMark(text: string): TemplateMark | undefined {
  const variable = /^(?:file|dev):/.test(text) ? makeVariable.exec(text) : null;
  if (variable) return { offset: variable.index, text: variable[0] };
  if (!text.includes('{')) return undefined;
  for (const { 0: mark, 1: expression, index: offset } of text.matchAll(marks)) {
    if (expression === undefined || isExpression(expression.trim())) return { offset, text: shorten(mark) };
  }
  return undefined;
}

function isExpression(text: string): boolean {
  return /^[\w'"([]/.test(text) && !/^[\w.-]+\s*=(?!=)/.test(text) && !/(^|[\s(])[.$]/.test(text);
}

function shorten(mark: string): string {
  const line = mark.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

/** The first piece of a template outside of comments, in a text that need not be TOML. */
export function findMarkInSource(source: string): TemplateMark | undefined {
  // Comments keep their length, so that offsets stay.
  return findTemplateMark(source.replace(/^[ \t]*#.*$/gm, (comment) => ' '.repeat(comment.length)));
}
