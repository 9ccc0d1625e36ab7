// The brush: paints the missing pixels of the model's image on a canvas that lies over it.
(() => {
  const COLOUR = "rgb(255, 64, 129)";
  let last = null;

  const pen = (target) => target.getContext("2d", { willReadFrequently: true });
  const canvas = () => document.querySelector("canvas.erased");
  const radius = () => Number(document.querySelector("#brush input[type=range]").value) / 2;

  function place(event) {
    const box = event.target.getBoundingClientRect();
    const { width, height } = event.target;
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  }

  function dab(target, [x, y]) {
    const ink = pen(target), r = radius();
    ink.fillStyle = COLOUR;
    for (let i = Math.floor(x - r); i <= x + r; i++)
      for (let j = Math.floor(y - r); j <= y + r; j++)
        if (Math.hypot(i + 0.5 - x, j + 0.5 - y) <= Math.max(r, 0.71)) ink.fillRect(i, j, 1, 1);
  }

  function stroke(target, from, to) {
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let k = 0; k <= steps; k++)
      dab(target, [from[0] + ((to[0] - from[0]) * k) / steps, from[1] + ((to[1] - from[1]) * k) / steps]);
  }

  document.addEventListener("pointerdown", (event) => {
    if (!event.target.matches?.("canvas.erased")) return;
    event.target.setPointerCapture(event.pointerId);
    last = place(event);
    dab(event.target, last);
  });
  document.addEventListener("pointermove", (event) => {
    if (last === null || !event.target.matches?.("canvas.erased")) return;
    const now = place(event);
    stroke(event.target, last, now);
    last = now;
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (last = null));

  window.brush = {
    // One letter a pixel, row by row: 1 where it is missing.
    mask() {
      const target = canvas();
      if (!target) return "";
      const { data } = pen(target).getImageData(0, 0, target.width, target.height);
      let letters = "";
      for (let i = 3; i < data.length; i += 4) letters += data[i] ? "1" : "0";
      return letters;
    },
    clear() {
      const target = canvas();
      if (target) pen(target).clearRect(0, 0, target.width, target.height);
    },
    // The bytes of a file in base64.
    read: (file) =>
      new Promise((done, failed) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
        reader.onerror = () => failed(reader.error);
        reader.readAsDataURL(file);
      }),
  };
})();
