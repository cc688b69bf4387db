// Runs before an operators' page is drawn: the chosen colours hold from the first frame.
(() => {
  try {
    const chosen = localStorage.getItem("tandem:theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // No storage in this browser: the system's preference holds.
  }
})();
