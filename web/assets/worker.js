// The Worker: runs the simulation away from the page. The first message brings the compiled module and the lab, every other one
// is a question (see web/src/protocol.rs).
let engine;
onmessage = async ({ data }) => {
  if (typeof data !== 'string') {
    engine = import(data.js).then(async (module) => {
      await module.default({ module_or_path: data.compiled });
      module.open_lab(data.lab);
      return module;
    });
    return;
  }
  try {
    postMessage((await engine).worker_answer(data));
  } catch (error) {
    // An error event reaches the page, which ends this Worker and says so.
    setTimeout(() => { throw error; });
  }
};
