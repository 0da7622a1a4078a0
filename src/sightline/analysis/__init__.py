"""Analysis of pictures and videos: what is in it, as a document, a picture and a report."""
