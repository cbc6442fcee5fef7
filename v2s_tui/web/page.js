// The app is driven by keys: they go to it as soon as it has drawn something, without a click first.
// Not earlier: it starts out as if its window were in the background.
new MutationObserver((_, observer) => {
  if (document.body.classList.contains("-first-byte")) {
    observer.disconnect();
    document.querySelector(".xterm-helper-textarea").focus();
  }
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });
