"""The outside systems. Takes a PatientRecord, answers Coverage and Citizen; never imports reader, kiosk or ui."""
