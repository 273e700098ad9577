// Runs before the first paint, so that a chosen theme does not flash. Not a module on purpose.
try {
  const chosen = localStorage.getItem("doodlescope.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; then the system decides.
}
