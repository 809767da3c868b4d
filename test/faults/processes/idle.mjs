// Stands where the bundled runner would be: a process that lives, and connects to nothing.
setInterval(() => {}, 1_000_000);
