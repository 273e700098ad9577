"""The API's requests and answers; what they say of themselves is its documentation."""
