// What the pages do beyond links and forms; all but copying works without it.
"use strict";

document.documentElement.classList.add("has-script");

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// Makes what stands in `root` work: a page, or a part that was fetched.
function begin(root) {
  // Times in the reader's zone, and UTC on hover.
  for (const time of root.querySelectorAll("time[datetime]")) {
    const local = exact.format(new Date(time.dateTime));
    if ("relative" in time.dataset) {
      time.title = `${local} (${zone})\n${time.title}`;
    } else {
      time.textContent = local;
    }
  }
  for (const element of root.querySelectorAll(".needs-script")) element.hidden = false;
  for (const select of root.querySelectorAll("select[data-shows]")) {
    const show = () => {
      root.querySelector(`#${select.dataset.shows}`).hidden = select.value !== select.dataset.showsWhen;
    };
    select.addEventListener("change", show);
    show();
  }
  for (const box of root.querySelectorAll("input[data-enables]")) {
    const target = root.querySelector(`#${box.dataset.enables}`);
    const set = () => target.setAttribute("aria-disabled", String(!box.checked));
    box.addEventListener("change", set);
    set();
  }
  for (const form of root.querySelectorAll("form[data-send-on-change]")) {
    form.addEventListener("change", (event) => {
      if (event.target instanceof HTMLSelectElement) form.requestSubmit();
    });
  }
  for (const form of root.querySelectorAll("form[data-send-at-once]")) form.requestSubmit();
}

// A key that is shown once: leaving before it is stored asks again.
let leaving = false;
window.addEventListener("beforeunload", (event) => {
  if (!leaving && document.querySelector("[data-leave-warning]") && !document.getElementById("stored")?.checked) {
    event.preventDefault();
  }
});
// A page that comes back from the browser's memory would show the key again,
window.addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-leave-warning], #snippet")) secret.replaceChildren();
});
// and whoever goes back after signing out what stood there: some browsers remember pages that they must not store.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.replace(location.pathname + location.search);
});

document.addEventListener("click", async (event) => {
  const target = event.target.closest("button, a");
  if (!target) return;
  if (target.matches('[aria-disabled="true"]')) {
    event.preventDefault();
    document.getElementById("stored")?.focus();
  } else if (target.dataset.copy) {
    await copy(target);
  } else if ("dialog" in target.dataset && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    await openDialog(target);
  } else if ("close" in target.dataset && target.closest("dialog")) {
    event.preventDefault();
    target.closest("dialog").close();
  } else if ("leaves" in target.dataset) {
    leaving = true;
  }
});

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.firstChild;
  try {
    await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
    label.data = "Copied";
    button.classList.add("done");
  } catch {
    // Not over plain HTTP, or not allowed: what is selected can be copied by hand.
    if ("select" in source) source.select();
    else getSelection().selectAllChildren(source);
    label.data = "Selected";
  }
  setTimeout(() => { label.data = "Copy"; button.classList.remove("done"); }, 2000);
}

// A page with a sheet, shown above this one. Without a script, or when anything is odd, the browser goes there.
async function openDialog(link) {
  const dialog = document.createElement("dialog");
  const response = await fetch(link.href).catch(() => null);
  if (!(await fill(dialog, response))) {
    location.assign(link.href);
    return;
  }
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    const made = dialog.querySelector("[data-leave-warning]");
    dialog.remove();
    link.focus();
    if (made) location.reload();
  });
  dialog.addEventListener("cancel", (event) => {
    if (mustStay(dialog)) event.preventDefault();
  });
  dialog.addEventListener("change", () => guard(dialog));
  dialog.addEventListener("submit", (event) => send(event, dialog));
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
}

// Escape must not lose a key that was not stored yet. Where browsers know `closedby` it is needed: they let a page say no
// to Escape only once.
const mustStay = (dialog) => dialog.querySelector("[data-leave-warning]") && !dialog.querySelector("#stored").checked;
const guard = (dialog) => dialog.setAttribute("closedby", mustStay(dialog) ? "none" : "closerequest");

async function fill(dialog, response) {
  if (!response || response.redirected || !(response.headers.get("Content-Type") || "").startsWith("text/html")) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const sheet = page.querySelector(".sheet:not(.narrow)");
  if (!sheet) return false;
  const heading = sheet.querySelector("h1");
  heading.id = "dialog-heading";
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.replaceChildren(sheet);
  guard(dialog);
  begin(dialog);
  return true;
}

async function send(event, dialog) {
  const form = event.target;
  if (form.method !== "post") return;
  event.preventDefault();
  const buttons = form.querySelectorAll("button:not([type=button])");
  for (const button of buttons) button.disabled = true;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const response = await fetch(form.action, { method: "post", body }).catch(() => null);
  for (const button of buttons) button.disabled = false;
  if (response?.redirected) {
    location.assign(response.url);
  } else if (!(await fill(dialog, response?.status === 401 ? null : response))) {
    // Such as a session that has ended: the browser itself sends it, and shows what comes.
    form.submit();
  } else {
    (dialog.querySelector("#errors") || dialog.querySelector("h1")).setAttribute("tabindex", "-1");
    (dialog.querySelector("[aria-invalid]") || dialog.querySelector("#errors") || dialog.querySelector("h1")).focus();
  }
}

// A part of a page that tells of news: it is asked for again every few seconds, and replaced when it has changed.
function refresh(part, was) {
  setTimeout(async () => {
    const response = document.hidden ? null : await fetch(location.href).catch(() => null);
    if (response?.ok && !response.redirected) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const news = page.getElementById(part.id);
      if (news && news.outerHTML !== was) {
        was = news.outerHTML;
        part.replaceWith(news);
        part = news;
        begin(part);
      }
    }
    if (part.dataset.refresh) refresh(part, was);
  }, Number(part.dataset.refresh) * 1000);
}

// Menus close when one clicks elsewhere, or presses Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

for (const part of document.querySelectorAll("[data-refresh]")) refresh(part, part.outerHTML);
begin(document);
document.querySelector("main #errors")?.focus();
