// Adds a button that copies to what is marked with data-copy. Without scripts it is selected and copied by hand.
for (const text of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  const button = document.createElement("button");
  const said = document.createElement("span");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy the ${text.dataset.copy}`);
  said.className = "unseen";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    let result = "Copied";
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      result = "Not copied";
      getSelection().selectAllChildren(text);
    }
    button.textContent = said.textContent = result;
    setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2000);
  });
  text.after(button, said);
}
