// The switch in the header: guest, customer or staff, and in which name.

import { rememberCaller, rememberedCaller } from "./api.js";

const USUAL_NAMES = { guest: null, customer: "alice", staff: "sam" };

/** Calls `enter({ as, name })` at once and whenever the visitor becomes somebody else. */
export function watchCaller(enter) {
  const form = document.querySelector("#caller");
  const show = (caller) => {
    form.elements.as.value = caller.as;
    form.elements.name.value = caller.name ?? "";
    form.querySelector(".name").hidden = caller.as === "guest";
    enter(caller);
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    const named = target.name === "name";
    if (named && !form.reportValidity()) return;
    const as = form.elements.as.value;
    const caller = { as, name: named ? target.value : USUAL_NAMES[as] };
    rememberCaller(caller);
    show(caller);
  });
  show(rememberedCaller());
}
