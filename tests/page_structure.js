// What a screen reader, or a thumb, stumbles over.
() => {
  const wrong = [];
  const heads = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((h) => Number(h.tagName[1]));
  if (heads.filter((order) => order === 1).length !== 1) wrong.push("not one h1");
  const own = [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].filter((h) => !h.closest(".foreign"));
  own.reduce((last, h) => {
    const order = Number(h.tagName[1]);
    if (order > last + 1) wrong.push(`${h.tagName} behind h${last}: ${h.textContent.slice(0, 30)}`);
    return order;
  }, 0);
  for (const field of document.querySelectorAll("input:not([type=hidden]), select")) {
    if (!field.labels.length && !field.ariaLabel) wrong.push(`no label: ${field.name}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const twice = ids.filter((id, place) => ids.indexOf(id) !== place);
  if (twice.length) wrong.push(`twice: ${twice}`);
  for (const button of document.querySelectorAll("button, .button, nav a, summary, select")) {
    const box = button.getBoundingClientRect();
    if (box.height && box.height < 24) wrong.push(`small: ${button.textContent} ${box.height}`);
    if (!button.textContent.trim() && !button.ariaLabel) wrong.push("a button without a name");
  }
  for (const place of ["header", "main", "footer", "nav[aria-label]"]) {
    if (!document.querySelector(place)) wrong.push(`no ${place}`);
  }
  if (document.documentElement.lang !== "en") wrong.push("no language");
  for (const drawing of document.querySelectorAll("svg")) {
    if (drawing.getAttribute("role") !== "img" || !drawing.ariaLabel) wrong.push("a nameless drawing");
  }
  return wrong;
}
