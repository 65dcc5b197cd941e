"use strict";
// Each chart's figure stands beside it as JSON; without a mode bar, as a phone has no room for one.
for (const place of document.querySelectorAll(".chart")) {
  const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  Plotly.newPlot(place, figure.data, figure.layout, { responsive: true, displayModeBar: false, displaylogo: false });
}
