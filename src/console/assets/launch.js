// The launch form: an example fills its field, and what was asked for is looked at.

document.addEventListener('click', event => {
  const example = event.target.closest('[data-fill]');
  if (!example) return;
  const field = document.getElementById(example.dataset.fill);
  field.value = example.textContent;
  field.focus();
  field.dispatchEvent(new Event('change', { bubbles: true }));
});
