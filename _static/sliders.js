// What the sliders of ipywidgets lack in a page without a kernel.

// The widgets' script sets formulas with MathJax 2, of which the page's MathJax 3 knows nothing.
document.addEventListener("DOMContentLoaded", () => {
  window.MathJax = window.MathJax || {};
  window.MathJax.Hub = window.MathJax.Hub || { Queue() {} };
});

// A screen reader announces a slider by its label and by the value that is read beside it.
const describe = () => {
  for (const slider of document.querySelectorAll(".widget-slider")) {
    const handle = slider.querySelector(".noUi-handle");
    const label = slider.querySelector(".widget-label");
    const readout = slider.querySelector(".widget-readout");
    if (!handle || !label || !readout) continue;
    const set = (name, value) => {
      if (handle.getAttribute(name) !== value) handle.setAttribute(name, value);
    };
    set("aria-label", label.textContent);
    set("aria-valuetext", readout.textContent);
    if (readout.isContentEditable) readout.setAttribute("contenteditable", "false");
  }
};

window.addEventListener("load", () => {
  describe();
  new MutationObserver(describe).observe(document.body, {
    subtree: true, childList: true, characterData: true,
    attributes: true, attributeFilter: ["aria-valuetext"],
  });
});
