import type { Document } from 'yaml';

/** Writes documents in the style of the text that they were read from, so that what did not change looks as before. */
export function showDocuments(documents: readonly Document[], original: string): string {
  const style = {
    lineWidth: 0,
    indent: /^(?!\s*#)[^\n]*:[ \t]*\n( +)[^\s#-]/m.exec(original)?.[1]?.length ?? 2,
    indentSeq: !/^( *)(?:- )?[\w./"'-]+:[ \t]*\n\1- /m.test(original),
    flowCollectionPadding: !/[[{][^\s\]}]/.test(original),
  };
  return documents
    .map((document, index) => {
      const text = document.toString(style);
      return index === 0 || document.directives?.docStart ? text : `---\n${text}`;
    })
    .join('');
}
