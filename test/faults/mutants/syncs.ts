import { by, edit, type Mutant } from "./mutant.ts";

const LEVEL = "packages/store-leveldb/src";
const KEY_FILES = "packages/secrets/src/files.ts";
const SYNCED = `${LEVEL}/synced.test.ts`;
const SYNCED_PATHS = `${LEVEL}/synced-paths.test.ts`;
const SYNCED_KEY = "packages/secrets/src/synced-key.test.ts";
const BLOBS = `${LEVEL}/file-blobs.test.ts`;
const FAILURE = `${LEVEL}/write-failure.test.ts`;
const WRITE_GROUP = `${LEVEL}/write-group.ts`;

/** What was acknowledged is on disk. */
export const SYNC_MUTANTS: readonly Mutant[] = [
  {
    name: "writes that are not synced",
    edits: [edit(`${LEVEL}/level.ts`, "const SYNCED = { sync: true };", "const SYNCED = { sync: false };")],
    caughtBy: [{ worlds: 8 }, by(SYNCED, "syncs every write")],
  },
  {
    name: "commits acknowledged before they are written",
    edits: [
      edit(
        WRITE_GROUP,
        "    try {\n      await writeSynced(level, writes);\n",
        "    for (const { caller, admitted } of accepted) caller.resolve(admitted.revision);\n    try {\n      await writeSynced(level, writes);\n",
      ),
    ],
    caughtBy: [by(SYNCED, "acknowledges a commit only once it is written")],
  },
  {
    name: "a failed write that is not undone",
    edits: [edit(WRITE_GROUP, "if (stateIn(view).revision !== state.revision) await writeSynced(level, writes);", "")],
    caughtBy: [by(FAILURE, "leaves nothing of a failed write behind")],
  },
  {
    name: "a store that goes on after a failed write as if nothing were",
    edits: [
      edit(WRITE_GROUP, "      await settle();\n      throw error;", "      undo = undefined;\n      throw error;"),
    ],
    caughtBy: [by(FAILURE, "leaves nothing of a failed write behind")],
  },
  {
    name: "a blob that is complete before it is on disk",
    edits: [edit(`${LEVEL}/blob-upload.ts`, "  await file.sync();\n", "")],
    caughtBy: [by(BLOBS, "has the content and its name on disk")],
  },
  {
    name: "a blob whose name is not synced",
    edits: [edit(`${LEVEL}/blob-upload.ts`, "  await syncFolder(whole.folder);\n", "")],
    caughtBy: [by(BLOBS, "has the content and its name on disk")],
  },
  {
    name: "a blob that is taken for what its digest says",
    edits: [edit(`${LEVEL}/blob-upload.ts`, "!== key.digest) {", '=== "") {')],
    caughtBy: [by(BLOBS, "drops an upload whose bytes are not those of its digest")],
  },
  {
    name: "a new database whose name is not synced",
    edits: [edit(`${LEVEL}/open.ts`, "  if (isNew) await syncFolder(dir);\n", "")],
    caughtBy: [by(SYNCED_PATHS, "puts the name of a new database on disk")],
  },
  {
    name: "a backup whose name is not synced",
    edits: [edit(`${LEVEL}/backup.ts`, "  await syncFolder(backups);\n", "")],
    caughtBy: [by(SYNCED_PATHS, "puts a backup on disk")],
  },
  {
    name: "a backup whose files' names are not synced",
    edits: [edit(`${LEVEL}/backup.ts`, "  await syncFolder(to);\n", "")],
    caughtBy: [by(SYNCED_PATHS, "puts a backup on disk")],
  },
  {
    name: "a backup whose copied files are not synced",
    edits: [edit(`${LEVEL}/backup.ts`, "  await file.sync();\n", "")],
    caughtBy: [by(SYNCED_PATHS, "puts a backup on disk")],
  },
  {
    name: "a restored database whose name is not synced",
    edits: [edit(`${LEVEL}/restore.ts`, "  await syncFolder(dir);\n", "")],
    caughtBy: [by(SYNCED_PATHS, "puts the name of a restored database on disk")],
  },
  {
    name: "a master key that is not synced",
    edits: [
      edit(KEY_FILES, `    writeSync(handle, text);\n    fsyncSync(handle);\n`, "    writeSync(handle, text);\n"),
    ],
    caughtBy: [by(SYNCED_KEY, "puts a new key on disk")],
  },
  {
    name: "a master key whose name is not synced",
    edits: [edit(KEY_FILES, "  syncFolder(dirname(file));\n", "")],
    caughtBy: [by(SYNCED_KEY, "puts a new key on disk")],
  },
];
