"use strict";
// Each chart's figure stands beside it as JSON; without a mode bar, as a phone has no room for one.
const places = [...document.querySelectorAll(".chart")];
for (const place of places) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displayModeBar: false, displaylogo: false });
}
// A sheet of paper is narrower than most windows, and plotly draws for the window. A4 less its margins, in CSS pixels.
const SHEET = 700;
window.addEventListener("beforeprint", () => { for (const place of places) Plotly.relayout(place, { width: SHEET }); });
window.addEventListener("afterprint", () => { for (const place of places) Plotly.relayout(place, { width: null, autosize: true }); });
