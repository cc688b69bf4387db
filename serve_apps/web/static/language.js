// Runs before the page is drawn: the address (`?lang=es`) decides, else what was chosen before.
// The style sheet shows only the words of the page's language.
(() => {
  const known = ["en", "es"];
  let language = new URLSearchParams(location.search).get("lang");
  try {
    if (known.includes(language)) localStorage.setItem("casa-lumen:lang", language);
    else language = localStorage.getItem("casa-lumen:lang");
  } catch {
    // No storage in this browser: the address alone decides.
  }
  if (known.includes(language)) document.documentElement.lang = language;
})();
