// A link to a tab opens the tabs of its kind on the whole page, as a click on it does.
// What sphinx-design does by itself opens that one alone.
"use strict";

function openTabs() {
  const target = document.getElementById(location.hash.slice(1));
  const input = target && document.getElementById(target.getAttribute("for"));
  if (input) {
    input.checked = true;
    input.dispatchEvent(new Event("change"));
  }
}

window.addEventListener("load", openTabs); // when sphinx-design listens
window.addEventListener("hashchange", openTabs);
