"""One file per outside system: `render` a PatientRecord, `send` it, `probe` the destination."""
