// Comfort alone: every page works without it.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-at-once]");
  if (form && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.sure;
  if (question && !confirm(question)) event.preventDefault();
});
if (document.querySelector("[data-again]")) setTimeout(() => location.reload(), 3000);
// Where one is shows in a menu that is wider than the window.
document.querySelectorAll("ul [aria-current]").forEach((link) => link.scrollIntoView({ block: "nearest", inline: "center" }));
