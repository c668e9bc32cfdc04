// A simulation's result as one page that needs nothing else: no script, no network.
import type { SimulationResult } from './result.js';
import { textReport } from './text-report.js';

export function htmlReport(result: SimulationResult): string {
  const { title } = result;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>
<body><pre>${escaped(textReport(result))}</pre></body></html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
