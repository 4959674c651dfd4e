"""What people read: read models and the log, joined with the names of people, as rows. JSON of them is the API's."""
