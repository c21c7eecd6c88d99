// Keeps the page of `autoagent watch` up to date: what is open stays open, and the focus where it was.
const place = (node) => node && [...document.querySelectorAll("summary, [tabindex]")].indexOf(node);
const title = (details) => details.querySelector("summary").textContent;
let seen = "";
async function look() {
  try {
    const answer = await fetch("/", {cache: "no-store", headers: seen ? {"If-None-Match": seen} : {}});
    if (answer.status === 200) {
      const first = !seen;
      seen = answer.headers.get("ETag");
      if (!first) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    document.title = "Not served any more: " + document.title.replace(/^Not served any more: /, "");
  }
  setTimeout(look, 2000);
}
function show(page) {
  const shut = new Map([...document.querySelectorAll("details")].map((one) => [title(one), one.open]));
  for (const one of page.querySelectorAll("details")) one.open = shut.get(title(one)) ?? one.open;
  const focus = place(document.activeElement);
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.title = page.title;
  if (focus >= 0) document.querySelectorAll("summary, [tabindex]")[focus]?.focus({preventScroll: true});
}
look();
