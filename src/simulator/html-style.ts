// How the page looks, in light and dark. Blue and orange stay apart for every kind of colour vision.

export const STYLE = `
:root { color-scheme: light dark; --paper: #ffffff; --card: #f5f7f9; --ink: #1b2430; --soft: #5b6774; --rule: #dde3e9;
  --a: #2466c9; --b: #86a9d8; --c: #d9641e; --d: #aeb8c2; --warn: #9d2f10; --warn-paper: #fdeee7; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12171d; --card: #1b222a; --ink: #e4e9ee; --soft: #9aa6b2; --rule: #303a45;
    --a: #6ba3f5; --b: #3d608f; --c: #f28e4e; --d: #56616d; --warn: #ffb08e; --warn-paper: #3a1f14; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1040px; padding: 24px 20px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 12px 0 4px; }
h2 { font-size: 18px; margin: 40px 0 4px; }
p { margin: 4px 0 12px; max-width: 72ch; }
.soft { color: var(--soft); }
.notice { background: var(--warn-paper); color: var(--warn); border-left: 4px solid var(--warn); padding: 10px 14px;
  margin: 0 0 16px; max-width: none; font-weight: 600; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin: 20px 0 0; padding: 0; }
.figures div { background: var(--card); border-radius: 8px; padding: 12px 14px; }
.figures dt { color: var(--soft); font-size: 13px; }
.figures dd { margin: 2px 0 0; font-size: 26px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.figures small { display: block; font-size: 13px; color: var(--soft); }
.wide { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 640px; height: auto; font-size: 12px; }
svg text { fill: var(--soft); }
svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; }
svg .small { font-size: 9px; }
svg .grid { stroke: var(--rule); }
svg .full { stroke: var(--c); stroke-dasharray: 4 4; }
svg .ground { fill: var(--card); }
svg .line { fill: none; stroke-width: 2; }
.a { fill: var(--a); } .b { fill: var(--b); } .c { fill: var(--c); } .d { fill: var(--d); }
.line.a { stroke: var(--a); } .line.b { stroke: var(--b); } .line.c { stroke: var(--c); } .line.d { stroke: var(--d); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 4px 0 8px; padding: 0; color: var(--soft); font-size: 13px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; vertical-align: -1px; }
.key.a { background: var(--a); } .key.b { background: var(--b); } .key.c { background: var(--c); } .key.d { background: var(--d); }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); text-align: right; font-weight: 400; white-space: nowrap; }
th:first-child { text-align: left; }
thead th { color: var(--soft); font-size: 13px; }
details { margin: 8px 0; }
summary { cursor: pointer; color: var(--soft); }
@media print { body { max-width: none; } .wide { overflow: visible; } }
`;
