import { Eta } from 'eta/core';
import { escapeText } from './escape-text.ts';
import type { ImageReport } from './image-report.ts';
import { pageStyle } from './page-style.ts';
import { pageParts, pageTemplate } from './page-template.ts';
import { viewFunctions } from './page-view.ts';

/**
 * The report as one HTML page in UTF-8 that needs nothing else: it has no script, loads nothing, and its security policy forbids
 * both. Same report, same text.
 */
export function reportPage(report: ImageReport): string {
  const eta = new Eta({ autoEscape: true, escapeFunction: escapeText, autoTrim: [false, 'nl'], cache: true });
  for (const [name, part] of Object.entries(pageParts)) eta.loadTemplate(`@${name}`, part);
  return eta.renderString(pageTemplate, {
    report,
    style: pageStyle,
    toolVersion: __GSC_VERSION__,
    ...viewFunctions,
  });
}
