// The shop's own script: marks the chosen language, and puts the ready-made questions.
const chosen = document.documentElement.lang;
for (const link of document.querySelectorAll("[data-language]"))
  if (link.dataset.language === chosen) link.setAttribute("aria-current", "true");

for (const question of document.querySelectorAll("[data-ask]"))
  question.addEventListener("click", async () => {
    await customElements.whenDefined("tandem-chat");
    document.querySelector("tandem-chat")?.ask(question.textContent);
  });
