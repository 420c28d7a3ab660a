document.title = "Demo shop";
